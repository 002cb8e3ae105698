"""What the two Java servers have in common: argument files and properties files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

# No heap dumps and no attaching by other tools: both would let personal data out of the process's memory.
# Without its shared memory file a JVM does not stall when /tmp is slow.
COMMON_OPTIONS = (
    "-XX:+PerfDisableSharedMem",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
)


def argument_file(arguments: Sequence[str]) -> str:
    """The text of a file for `java @FILE`: one quoted argument a line (JDK tool specification, `java`)."""
    quoted = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
    return "".join(f'"{argument}"\n' for argument in quoted)


def properties(values: Mapping[str, object]) -> str:
    """The text of a Java properties file, which is read as Latin-1: anything else is escaped."""
    lines = (f"{key}={_escape(_text(value))}" for key, value in values.items())
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escape(value: str) -> str:
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    pairs = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return "".join(chr(unit) if 0x20 <= unit < 0x7F else f"\\u{unit:04x}" for unit in pairs)


def class_path(lib: Path) -> str:
    """Every jar of a folder."""
    return f"{lib}/*"
