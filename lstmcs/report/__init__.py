"""Notebooks run in batch, their pages and the index; pictures, tables and sentences for them."""
