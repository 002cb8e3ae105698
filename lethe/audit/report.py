"""What a verification came to: positions and kinds of what is wrong, never what an entry says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

MOST: Final = 1_000  # findings that are kept; the others are counted


class Kind(StrEnum):
    """What can be wrong with the trail."""

    CHANGED = "changed"  # an entry is not what the next one, or the head, names
    MISSING = "missing"  # there is no entry at a position
    INSERTED = "inserted"  # something stands where no entry was appended
    TRUNCATED = "truncated"  # the trail ends before its head, or has none
    REWRITTEN = "rewritten"  # the first entries are not those that were signed
    SHORTER = "shorter"  # a signed checkpoint has more entries
    DROPPED_UNSIGNED = "dropped_unsigned"  # the beginning is gone, and no signed act says so
    DROPPED_EARLY = (
        "dropped_early"  # a signed act took what its own retention, or a checkpoint, says was too young
    )
    BAD_ACT = "bad_act"  # an act of dropping is not what was signed
    BAD_CHECKPOINT = (
        "bad_checkpoint"  # a checkpoint is not what was signed, or did not grow from the one before
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, between two positions, both included; `where`: a checkpoint's name."""

    kind: Kind
    first: int
    last: int
    where: str | None = None

    def __str__(self) -> str:
        """A line for people."""
        place = (
            f"position {self.first}" if self.first == self.last else f"positions {self.first} to {self.last}"
        )
        return f"{self.kind}: {place}" + (f" ({self.where})" if self.where else "")

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {"kind": self.kind.value, "first": self.first, "last": self.last, "where": self.where}


@dataclass(slots=True)
class Findings:
    """Those that are kept, and how many there were."""

    kept: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, kind: Kind, first: int, last: int | None = None, where: str | None = None) -> None:
        """Take note of one."""
        self.count += 1
        if len(self.kept) < MOST:
            self.kept.append(Finding(kind, first, first if last is None else last, where))

    def __iter__(self) -> Iterator[Finding]:
        """Those that are kept."""
        return iter(self.kept)


@dataclass(frozen=True, slots=True)
class Report:
    """The trail as it was found. `first`: where it begins; `size`: where it ends; `root`, `head`: hex.

    `compared`: checkpoints whose entries were all there to be hashed; `covered`: those of before a signed act of
    dropping, of which only the act tells; `left`: entries that such an act has ended, and that are still to be removed.
    """

    first: int
    size: int
    root: str
    head: str
    findings: Findings
    compared: int
    covered: int
    left: int

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.findings.count == 0

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "intact": self.is_intact,
            "first": self.first,
            "size": self.size,
            "root": self.root,
            "head": self.head,
            "checkpoints_compared": self.compared,
            "checkpoints_covered": self.covered,
            "left_to_remove": self.left,
            "findings_count": self.findings.count,
            "findings": [each.document() for each in self.findings],
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"{self.size - self.first:,} entries, positions {self.first} to {self.size - 1}"
            if self.size > self.first
            else ("no entries")
        )
        yield f"{self.compared} checkpoints compared"
        if self.covered:
            yield f"{self.covered} checkpoints are of before what was dropped by a signed act"
        if self.left:
            yield f"{self.left:,} entries are dropped and not removed yet: run `lethe audit drop` again"
        yield from (str(each) for each in self.findings)
        if self.findings.count > len(self.findings.kept):
            yield f"and {self.findings.count - len(self.findings.kept):,} more"
        yield "intact" if self.is_intact else f"NOT INTACT: {self.findings.count:,} findings"
