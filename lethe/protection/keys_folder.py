"""The folder of keys (`LETHE_KEYS_DIR`): never within the data, and nothing in it is open to others."""

from pathlib import Path

from lethe.errors import ConfigurationError
from lethe.settings import Paths

KEY_BYTES = 32
_OTHERS = 0o077


def checked(paths: Paths) -> Path:
    """The folder.

    Raises ConfigurationError when it lies inside the data folder: one backup would hold both.
    """
    folder, home = paths.keys_dir.resolve(), paths.home.resolve()
    if folder.is_relative_to(home):
        raise ConfigurationError(f"LETHE_KEYS_DIR {folder} lies inside LETHE_HOME {home}; move it out")
    return folder


def made(paths: Paths) -> Path:
    """The folder, made with mode 700 where it is missing; raises as `checked` does."""
    folder = checked(paths)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def as_written(key: bytes) -> bytes:
    """What a key's file holds: a line of hex digits."""
    return key.hex().encode("ascii") + b"\n"


def read(file: Path, name: str) -> bytes:
    """The 32 bytes of a key that errors call `name`.

    Raises FileNotFoundError when there is no such file, ConfigurationError when it can't be read, is malformed, or
    is open to others.
    """
    try:
        mode = file.stat().st_mode & _OTHERS
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(f"{name}: {file} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise ConfigurationError(f"{name}: {file} is not hexadecimal; restore it from its backup") from error
    if mode:
        raise ConfigurationError(f"{name}: {file} is open to others; chmod 600 it")
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{name}: {file} holds {len(key)} bytes, not {KEY_BYTES}")
    return key
