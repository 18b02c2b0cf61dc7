"""Data in: where files come from, what is in them, and how their texts become ids."""
