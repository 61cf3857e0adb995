"""Posit Connect: integrations, their templates and associations, and the people who may use them."""
