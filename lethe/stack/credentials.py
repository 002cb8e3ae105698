"""Every credential of the stack, generated once."""

from lethe.settings import Paths


def create(paths: Paths) -> None:
    """Make every credential that is missing, and the pepper; existing ones are left alone."""
    raise NotImplementedError
