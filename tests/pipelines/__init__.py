"""The ready pipelines: their files are sound, and their steps do what the guide says."""
