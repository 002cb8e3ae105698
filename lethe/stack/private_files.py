"""Files that only their owner can read, and that are there whole or not at all."""

from pathlib import Path

from lethe import durable_files

MODE = durable_files.MODE
FOLDER_MODE = 0o700


def private_folder(folder: Path) -> Path:
    """Make the folder where it is missing, closed to others; returns it."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    return folder


def create(file: Path, text: str) -> bool:
    """Write a file that is not there yet; False, and nothing changed, where it is.

    Of two processes that create it at once, one wins and the other leaves the winner's text alone.
    """
    return durable_files.create(file, text.encode())


def replace(file: Path, text: str) -> None:
    """Write a file, in place of an older one if there is one; a kill leaves either the old or the new."""
    durable_files.replace(file, text.encode())
