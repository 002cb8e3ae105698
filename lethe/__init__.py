"""Lethe: a live store of user profiles that knows how to forget, and can prove it."""

__version__ = "0.1.0"
