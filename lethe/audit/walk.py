"""One pass over the trail's entries in their order: chain, tree, checkpoints; no I/O, memory of the tree's height."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lethe.audit.acts import Act
from lethe.audit.checkpoints import Checkpoint
from lethe.audit.entry import BEGINNING, Action, entry_hash
from lethe.audit.report import Findings, Kind, Report
from lethe.audit.tree import Growth, Tree


@dataclass(slots=True)
class Walk:
    """Take every entry from the beginning, or from where a signed act of dropping ended; then ask for the report.

    `checkpoints`: the smallest first. `acts`: those whose signature holds, by position. `marks`: sizes at which the
    tree is kept.
    """

    checkpoints: Sequence[Checkpoint]
    acts: Mapping[int, Act] = field(default_factory=dict)
    marks: frozenset[int] = frozenset()
    findings: Findings = field(default_factory=Findings)
    growth_from: int | None = None
    trees: dict[int, tuple[Tree, str]] = field(default_factory=dict)
    growth: Growth | None = None
    _tree: Tree = field(default_factory=Tree)
    _first: int = 0
    _next: int = 0
    _hash: str | None = BEGINNING  # of the entry before; None where it is not known
    _agreed: int = 0  # the greatest size at which a checkpoint agreed
    _is_whole: bool = True  # no leaf is missing or unreadable so far
    _waiting: list[Checkpoint] = field(default_factory=list)
    _compared: int = 0
    _differs: bool = False  # a checkpoint did not agree: those after it can't either
    _covered: int = 0

    def __post_init__(self) -> None:
        """Begin where the last act of dropping ended."""
        act = max(self.acts.values(), key=lambda each: each.until, default=None)
        self._waiting = [*reversed(self.checkpoints)]
        if act is not None:
            self._first = self._next = act.until
            self._tree, self._hash = Tree(act.until, list(act.peaks)), act.head
            self._look_at_dropped(act)
        self._pass_marks()

    @property
    def first(self) -> int:
        """Where the trail begins."""
        return self._first

    @property
    def next(self) -> int:
        """The position that the next entry has."""
        return self._next

    def _look_at_dropped(self, act: Act) -> None:
        """Checkpoints of before what was dropped: only when they were made tells whether the act was due."""
        if act.is_early:
            self.findings.add(Kind.DROPPED_EARLY, 0, act.until - 1)
        while self._waiting and self._waiting[-1].size < act.until:
            checkpoint = self._waiting.pop()
            self._covered += 1
            if not act.was_due(checkpoint.at):
                self.findings.add(Kind.DROPPED_EARLY, checkpoint.size, act.until - 1, checkpoint.name)

    def take(self, document: Mapping[str, Any]) -> None:
        """The next entry as it is stored."""
        position = document.get("_id")
        if not isinstance(position, int) or isinstance(position, bool) or position < self._next:
            self.findings.add(Kind.INSERTED, self._next)
            return
        if position > self._next:
            is_beginning = self._next == self._first
            kind = Kind.DROPPED_UNSIGNED if is_beginning else Kind.MISSING
            self.findings.add(kind, self._next, position - 1)
            self._is_whole, self._hash, self._next = False, None, int(position)
        self._link(int(position), document)
        self._next += 1
        self._pass_marks()

    def _link(self, position: int, document: Mapping[str, Any]) -> None:
        previous = document.get("previous")
        if self._hash is not None and previous != self._hash:
            self.findings.add(Kind.CHANGED, max(position - 1, self._first), position)
        if document.get("action") == Action.TRAIL_DROP and position not in self.acts:
            self.findings.add(Kind.BAD_ACT, position)
        try:
            leaf = entry_hash(document)
        except ValueError:
            self.findings.add(Kind.CHANGED, position)
            self._is_whole, self._hash = False, None
            return
        self._hash = leaf.hex()
        if self._is_whole:
            self._tree.add(leaf)
            if self.growth is not None:
                self.growth.add(leaf)

    def _pass_marks(self) -> None:
        """Compare the checkpoints of this size; keep the tree where it was asked for."""
        if self._is_whole:
            if self._next in self.marks:
                self.trees[self._next] = (self._tree.copy(), self._hash or "")
            if self._next == self.growth_from and self._next > 0:
                self.growth = Growth(self._tree)
        while self._waiting and self._waiting[-1].size <= self._next:
            self._compare(self._waiting.pop())

    def _compare(self, checkpoint: Checkpoint) -> None:
        if not self._is_whole:  # what is missing is told already
            return
        self._compared += 1
        if (checkpoint.root, checkpoint.head) == (self._tree.root().hex(), self._hash):
            self._agreed = checkpoint.size
        elif not self._differs:
            self._differs = True
            self.findings.add(Kind.REWRITTEN, self._agreed, checkpoint.size - 1, checkpoint.name)

    def end(self, size: int | None, head: str | None, left: int = 0) -> Report:
        """The report, against the head as it is stored (None: there is none)."""
        if size is None or size > self._next:
            self.findings.add(Kind.TRUNCATED, self._next, max(self._next, (size or 0) - 1))
        elif size < self._next:
            self.findings.add(Kind.INSERTED, size, self._next - 1)
        elif self._hash is not None and head != self._hash:
            self.findings.add(Kind.CHANGED, max(self._next - 1, 0))
        for checkpoint in reversed(self._waiting):
            self.findings.add(Kind.SHORTER, self._next, checkpoint.size - 1, checkpoint.name)
        root = self._tree.root().hex()
        return Report(
            self._first,
            self._next,
            root,
            self._hash or "",
            self.findings,
            self._compared,
            self._covered,
            left,
        )
