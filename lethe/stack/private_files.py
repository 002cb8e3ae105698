"""Files that only their owner can read, and that are there whole or not at all."""

import os
from pathlib import Path

MODE = 0o600
FOLDER_MODE = 0o700


def private_folder(folder: Path) -> Path:
    """Make the folder where it is missing, closed to others; returns it."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    return folder


def _written_aside(file: Path, text: str) -> Path:
    """The text in a file beside `file`, on disk and closed to others from its first byte."""
    aside = file.with_name(f".{file.name}.{os.getpid()}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return aside


def create(file: Path, text: str) -> bool:
    """Write a file that is not there yet; False, and nothing changed, where it is.

    Of two processes that create it at once, one wins and the other leaves the winner's text alone.
    """
    if file.exists():
        return False
    aside = _written_aside(file, text)
    try:
        os.link(aside, file)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    return True


def replace(file: Path, text: str) -> None:
    """Write a file, in place of an older one if there is one; a kill leaves either the old or the new."""
    _written_aside(file, text).replace(file)
