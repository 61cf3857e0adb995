"""Plans, outcomes, problems, drift and ledgers as text or JSON; strings only, nothing is printed here."""
