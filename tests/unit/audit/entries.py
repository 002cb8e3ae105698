"""A trail in memory, as MongoDB would hold it, and its verification."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lethe.audit.acts import Act
from lethe.audit.checkpoints import Checkpoint
from lethe.audit.entry import BEGINNING, Action, Entry, entry_hash
from lethe.audit.report import Report
from lethe.audit.tree import Tree
from lethe.audit.walk import Walk
from lethe.audit.who import Who

AT = "2026-11-24T10:00:00.000Z"
WHO = Who("eraser", run="scheduled__2026-11-24T00:00:00+00:00")
Stored = dict[str, Any]


def entry(number: int, **more: Any) -> Entry:
    given: dict[str, Any] = {"key": f"k{number}", "result": {"count": number}} | more
    return Entry(WHO, Action.KEY_EPOCH, "rights", **given)


def stored(entries: Iterable[Entry], first: int = 0, previous: str = BEGINNING) -> list[Stored]:
    """Entries as `append` stores them."""
    found: list[Stored] = []
    for position, each in enumerate(entries, start=first):
        document = each.placed(position, previous, AT)
        previous = entry_hash(document).hex()
        found.append(document)
    return found


def trail(count: int) -> list[Stored]:
    return stored(entry(number) for number in range(count))


def head_of(documents: Sequence[Stored]) -> tuple[int, str]:
    if not documents:
        return 0, BEGINNING
    return documents[-1]["_id"] + 1, entry_hash(documents[-1]).hex()


def checkpoint_of(documents: Sequence[Stored], name: str = "c", at: str = AT) -> Checkpoint:
    tree = Tree()
    for document in documents:
        tree.add(entry_hash(document))
    size, head = head_of(documents)
    return Checkpoint(name, size, tree.root().hex(), head, at)


def verified(
    documents: Iterable[Mapping[str, Any]],
    head: tuple[int | None, str | None],
    *checkpoints: Checkpoint,
    held: Mapping[int, Act] | None = None,
) -> Report:
    walk = Walk(sorted(checkpoints, key=lambda each: each.size), held or {})
    left = 0
    for document in sorted(documents, key=lambda each: float(each["_id"])):
        if 0 <= document["_id"] < walk.first:
            left += 1
        else:
            walk.take(document)
    return walk.end(*head, left)


def kinds(report: Report) -> set[str]:
    return {each.kind.value for each in report.findings}
