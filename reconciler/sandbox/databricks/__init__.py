"""The Databricks account API: apps, service principals, their secrets, groups, assignments, sign-in."""
