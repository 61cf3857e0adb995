"""Posit Connect Server: OAuth integrations."""
