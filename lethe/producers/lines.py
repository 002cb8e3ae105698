"""The lines of a user's file, one at a time and none longer than a message may be; and a CSV file's records."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from lethe.errors import InputError
from lethe.profiles.contract import MAX_MESSAGE_BYTES

_CHUNK = 1 << 20  # bytes
_LONGEST = MAX_MESSAGE_BYTES + 2  # with a line end of two bytes


class Line(NamedTuple):
    """A physical line, without its end; None where it is longer than a message may be."""

    number: int  # from 1
    content: bytes | None


class Record(NamedTuple):
    """One record of a CSV file; None where it can't be read, and `too_large` says whether for its size."""

    number: int  # of the physical line where it begins
    cells: list[str] | None
    too_large: bool = False


def check_file(file: Path) -> None:
    """Raise InputError for a file that can't be read, or that is not UTF-8, with the line where that shows.

    Reads it whole, in pieces, so that nothing is sent of a file in another encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    number = 1
    try:
        if not file.is_file():
            raise InputError(f"{file}: there is no such file")
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
                number += chunk.count(b"\n")
            decoder.decode(b"", final=True)
    except OSError as error:
        raise InputError(f"{file}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        number += error.object.count(b"\n", 0, error.start)
        raise InputError(
            f"{file}: line {number} is not UTF-8, nothing was sent; convert the file, for example with iconv"
        ) from None  # the error holds what the file says


def lines(stream: BinaryIO) -> Iterator[Line]:
    """Every line of a file, a byte order mark left out. What is too long is read past, in pieces."""
    number = 0
    while content := stream.readline(_LONGEST):
        number += 1
        if len(content) == _LONGEST and not content.endswith(b"\n"):
            _read_past(stream)
            yield Line(number, None)
            continue
        if number == 1:
            content = content.removeprefix(codecs.BOM_UTF8)
        yield Line(number, content.rstrip(b"\r\n"))


def _read_past(stream: BinaryIO) -> None:
    while (piece := stream.readline(_CHUNK)) and not piece.endswith(b"\n"):
        pass


class _TooLongError(Exception):
    """A record that has grown beyond the size of a message."""


class _Feed:
    """What csv.reader reads from: it can be set back to the second line of the record that it is in."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._again: deque[Line] = deque()
        self._taken: list[Line] = []
        self._size = 0

    def begin(self) -> None:
        """The next line begins a record."""
        self._taken.clear()
        self._size = 0

    @property
    def first(self) -> int:
        """Number of the line where the record began."""
        return self._taken[0].number

    @property
    def spans_lines(self) -> bool:
        """Whether the record has taken more than one line."""
        return len(self._taken) > 1

    def set_back(self) -> None:
        """Give every line of the record but the first again: one stray quote costs one line, and not the rest."""
        self._again.extendleft(reversed(self._taken[1:]))

    def __iter__(self) -> Self:
        """csv.reader asks for it."""
        return self

    def __next__(self) -> str:
        """The next line, as text. Raises _TooLongError where it makes its record too long."""
        line = self._again.popleft() if self._again else next(self._source)
        self._taken.append(line)
        self._size += len(line.content or b"")
        if line.content is None or self._size > MAX_MESSAGE_BYTES:
            raise _TooLongError
        return line.content.decode() + "\n"


def records(stream: BinaryIO, delimiter: str) -> Iterator[Record]:
    """Every record of a CSV file (RFC 4180) with its header first; blank lines are left out."""
    csv.field_size_limit(MAX_MESSAGE_BYTES)  # the whole record's size is bounded by _Feed
    feed = _Feed(lines(stream))
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLongError) as error:
            # Over many lines it is a quote that nothing closes, not a large record.
            yield Record(feed.first, None, isinstance(error, _TooLongError) and not feed.spans_lines)
            feed.set_back()
            continue
        if cells:
            yield Record(feed.first, cells)
