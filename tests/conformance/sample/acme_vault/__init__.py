"""A package of somebody else: notes in a vault, with a kind for `reconcile`."""
