"""Files of mode 600 that are on the disk, whole, before a call returns: their content, and their name in its folder."""

import os
from pathlib import Path

MODE = 0o600
_CHUNK = 16 * 2**20


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in the folder stays so after a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(file: Path, content: bytes) -> None:
    """A new file, or the new content of one, on disk; its name is not, and a kill leaves part of the content."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, MODE), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def move(source: Path, target: Path) -> None:
    """Rename within a folder, in place of an older target if there is one."""
    source.replace(target)
    sync_folder(target.parent)


def _written_aside(file: Path, content: bytes) -> Path:
    """The content in a file beside `file`, closed to others from its first byte."""
    aside = file.with_name(f".{file.name}.{os.getpid()}.new")
    aside.unlink(missing_ok=True)
    write(aside, content)
    return aside


def partials(file: Path) -> list[Path]:
    """What killed processes left of `create` and `replace` of this file; another process may be at work on one."""
    return sorted(file.parent.glob(f".{file.name}.*.new"))


def create(file: Path, content: bytes) -> bool:
    """Write a file that is not there yet; False, and nothing changed, where it is.

    Of two processes that create it at once, one wins and the other leaves the winner's content alone.
    """
    if file.exists():
        return False
    aside = _written_aside(file, content)
    try:
        os.link(aside, file)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
        sync_folder(file.parent)
    return True


def replace(file: Path, content: bytes) -> None:
    """Write a file, in place of an older one if there is one; a kill leaves either the old or the new."""
    move(_written_aside(file, content), file)


def is_on_disk(file: Path, content: bytes) -> bool:
    """Whether the file, read from the disk rather than from memory where the system can, is this content."""
    with file.open("rb", buffering=0) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        at = 0
        while chunk := stream.read(_CHUNK):
            if content[at : at + len(chunk)] != chunk:
                return False
            at += len(chunk)
    return at == len(content)


def destroy(file: Path) -> None:
    """Overwrite, unlink, sync: the content is gone as far as the file system lets a program see to it.

    A journal, snapshots, flash storage and backups may keep it: docs/security.md, Subject keys. Nothing happens
    where there is no such file.
    """
    try:
        handle = os.open(file, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        os.pwrite(handle, b"\0" * os.fstat(handle).st_size, 0)
        os.fsync(handle)
    finally:
        os.close(handle)
    file.unlink(missing_ok=True)
    sync_folder(file.parent)
