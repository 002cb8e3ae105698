"""Pseudonyms and, with the next issue's keys, field protection."""
