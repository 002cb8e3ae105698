"""The moves of a case, as data: from which states, to which, by whom, of which kinds, with which facts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lethe.errors import InputError
from lethe.requests.case_terms import (
    ENDED,
    SETTLED,
    ExtensionCause,
    IdentityMethod,
    IdentityOutcome,
    Kind,
    Move,
    RefusalGround,
    Role,
    Ruling,
    State,
)
from lethe.requests.cases import TOLD_TO_RECIPIENTS
from lethe.requests.clock import Clock

REASON_LENGTH: Final = 1_000
_NAMES_SOMEBODY = re.compile(r"\S@\S|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def reason_of(text: str) -> str:
    """A reason as it is kept: one line. It outlives the person's data, so it names nobody.

    Raises InputError, without the text itself, where it is empty, too long, or holds an e-mail address or a user id.
    """
    line = " ".join(text.split())
    if not line or len(line) > REASON_LENGTH or not line.isprintable():
        raise InputError(f"a reason has 1 to {REASON_LENGTH} characters that can be printed")
    if _NAMES_SOMEBODY.search(line):
        raise InputError("a reason names nobody: this one holds an e-mail address or a user id")
    return line


@dataclass(frozen=True, slots=True)
class Facts:
    """What a move may need. `holds`: the ids of all that stand on the subject now; `complaint`: where, Art. 12(4)."""

    method: IdentityMethod | None = None
    outcome: IdentityOutcome | None = None
    holds: tuple[str, ...] | None = None
    ruling: Ruling | None = None
    reason: str | None = None
    departure: str | None = None
    cause: ExtensionCause | None = None
    ground: RefusalGround | None = None
    complaint: str | None = None
    clock: Clock | None = None

    def __post_init__(self) -> None:
        """Raises InputError as `reason_of` does."""
        for name in ("reason", "departure"):
            text = getattr(self, name)
            if text is not None:
                object.__setattr__(self, name, reason_of(text))


@dataclass(frozen=True, slots=True)
class Rule:
    """A move's rule. `to` None: the state stays, or the facts decide. `again`: where repeating it changes nothing."""

    sources: frozenset[State]
    to: State | None
    who: frozenset[Role]
    needs: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset(Kind)
    again: frozenset[State] = frozenset()


_S = State
_CONTROLLER, _DPO, _SYSTEM = (frozenset({role}) for role in (Role.CONTROLLER, Role.DPO, Role.SYSTEM))
_ERASURE: Final = frozenset({Kind.ERASURE})
_WORKED: Final = frozenset({_S.AT_WORK, _S.FULFILLED, _S.NOTHING_HELD, *ENDED})


def _in(*states: State) -> frozenset[State]:
    return frozenset(states)


RULES: Final[Mapping[Move, Rule]] = MappingProxyType(
    {
        Move.ASK_IDENTITY: Rule(_in(_S.OPEN), _S.IDENTITY, _CONTROLLER, ("method",)),
        Move.SETTLE_IDENTITY: Rule(_in(_S.IDENTITY), _S.OPEN, _CONTROLLER, ("outcome",)),
        Move.HOLD: Rule(_in(_S.OPEN, _S.HELD), _S.HELD, _CONTROLLER | _SYSTEM, ("holds",), _ERASURE),
        Move.RELEASE: Rule(_in(_S.HELD), _S.OPEN, _CONTROLLER | _SYSTEM, ("holds",), _ERASURE, _in(_S.OPEN)),
        Move.ADVISE: Rule(_in(_S.HELD), None, _DPO, ("ruling", "reason"), _ERASURE),
        Move.DECIDE: Rule(_in(_S.HELD), None, _CONTROLLER, ("ruling", "reason", "holds"), _ERASURE),
        Move.EXTEND: Rule(
            _in(_S.OPEN, _S.IDENTITY, _S.HELD, _S.AT_WORK), None, _CONTROLLER, ("cause", "reason", "clock")
        ),
        Move.REFUSE: Rule(
            _in(_S.OPEN, _S.IDENTITY), _S.REFUSED, _CONTROLLER, ("ground", "reason", "complaint")
        ),
        Move.START: Rule(_in(_S.OPEN), _S.AT_WORK, _SYSTEM, ("holds",), again=_in(_S.AT_WORK)),
        Move.FULFIL: Rule(_in(_S.AT_WORK), _S.FULFILLED, _SYSTEM, again=_in(_S.FULFILLED)),
        Move.FIND_NOTHING: Rule(_in(_S.AT_WORK), _S.NOTHING_HELD, _SYSTEM, again=_in(_S.NOTHING_HELD)),
        Move.TOMBSTONE: Rule(_WORKED, None, _SYSTEM, kinds=_ERASURE),
        Move.TELL_RECIPIENTS: Rule(_WORKED, None, _SYSTEM, kinds=TOLD_TO_RECIPIENTS),
        Move.ANSWER: Rule(SETTLED, _S.ANSWERED, _CONTROLLER),
        Move.CLOSE: Rule(SETTLED, _S.CLOSED, _SYSTEM, again=_in(_S.CLOSED)),
        Move.SHRED: Rule(ENDED, None, _SYSTEM),
    }
)
