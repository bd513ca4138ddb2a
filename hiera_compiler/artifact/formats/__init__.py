"""Export formats: one file is one format, found by listing this folder."""
