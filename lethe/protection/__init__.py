"""Pseudonyms, subject keys that can be punctured, and the fields encrypted under them."""
