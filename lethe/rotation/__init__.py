"""Rotation: a new root for all subject keys, rows re-encrypted under it, the old root destroyed."""
