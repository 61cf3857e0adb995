"""The Databricks account: OAuth apps, service principals and their secrets."""
