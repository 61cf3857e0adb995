"""Databricks OAuth apps, service principals and Posit Connect integrations, from YAML to live."""

__version__ = "0.2.0"
