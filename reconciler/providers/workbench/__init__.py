"""Posit Workbench: it has no API for credentials, but reads configuration files."""
