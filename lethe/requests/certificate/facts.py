"""What the code that erases and verifies has seen; a certificate says nothing else, and nothing beyond the register.

Times are aware. Nothing here names a person: checks have names, subjects their audit_ref.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lethe.register.terms import System


class Outcome(StrEnum):
    """What became of one subject of a case."""

    ERASED = "erased"
    NOTHING_HELD = "nothing_held"


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """The request (GDPR Art. 12, 17), by its random id.

    `ground`: the letter of Art. 17(1). `erased_at`: when the last eraser had ended. `verified_at`: when every check had
    answered after that; None where one did not.
    """

    case_id: str
    kind: str
    channel: str
    ground: str
    received_at: datetime
    decided_at: datetime
    erased_at: datetime
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """One subject: the audit_ref (64 hex digits), which is nobody's once the key is punctured."""

    audit_ref: str
    outcome: Outcome = Outcome.ERASED


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """How many records of the case's subjects one store held before and after, by which check.

    None where the store was not asked, or did not answer: never a zero. `canary`: in this erasure the same check found
    the canary subject, so that it can find something.
    """

    store: str
    check_before: str
    found: int | None
    check_after: str
    left: int | None
    canary: bool = False


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """The tombstones that Kafka has acknowledged in one topic: the last offset of each partition that got one."""

    store: str
    tombstones: Mapping[int, int]
    tombstoned_at: datetime


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """The subject's key. `epoch`: the first one without it. `derivable`: whether any root still gave it.

    None where that was not tried. `older_destroyed_at`: when the key-encryption key of the epoch before was destroyed.
    """

    epoch: int
    punctured_at: datetime
    older_destroyed_at: datetime
    derivable_before: bool | None
    derivable_after: bool | None
    canary: bool = False


@dataclass(frozen=True, slots=True)
class BytesFacts:
    """That nothing of the subjects is left in a system's own files, as a check of this name found."""

    gone_at: datetime
    check: str


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """A recipient of the register and what was told to them (GDPR Art. 19); `by`: such as `webhook` or `post`."""

    recipient: str
    by: str
    told_at: datetime | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What is reached after the erasure, once for many cases. `next_purge_at`: when the files are next cleaned."""

    older_replaced_at: datetime | None = None  # seen: no backup of an older key state or of its key is left
    bytes_gone: Mapping[System, BytesFacts] = field(default_factory=dict)
    recipients: tuple[RecipientFacts, ...] = ()
    next_purge_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All of one case. `unattributed_until`: when the last refused message that names nobody is gone."""

    case: CaseFacts
    subjects: tuple[SubjectFacts, ...]
    stores: tuple[StoreFacts, ...]
    topics: tuple[TopicFacts, ...]
    key: KeyFacts
    progress: Progress = field(default_factory=Progress)
    unattributed_until: datetime | None = None
