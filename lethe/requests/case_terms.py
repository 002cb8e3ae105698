"""The closed sets of words that cases use."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

CASE_ID_PATTERN: Final = "^[0-9a-f]{32}$"  # also the schema of the DAG's param


class Kind(StrEnum):
    """What a case asks for."""

    ERASURE = "erasure"  # Art. 17
    ACCESS = "access"  # Art. 15, 20
    RESTRICTION = "restriction"  # Art. 18
    OBJECTION = "objection"  # Art. 21
    RECTIFICATION = "rectification"  # Art. 16


class Channel(StrEnum):
    """By which way a request came."""

    SUBJECT = "subject"  # the person, or who acts for them
    GUARDIAN = "guardian"  # of a child
    CONSENT = "consent"  # the last purpose was withdrawn
    OBJECTION = "objection"  # a case of its own was found right
    PRODUCER = "producer"  # a null value on the topic
    RETENTION = "retention"
    AUTHORITY = "authority"  # a court's or an authority's order
    OPERATOR = "operator"  # who runs the system found what must not be there


ASKED: Final = frozenset({Channel.SUBJECT, Channel.GUARDIAN})  # somebody waits for an answer


class Ground(StrEnum):
    """Why there is a right to erasure, Art. 17(1)(a) to (f)."""

    NO_LONGER_NECESSARY = "a"
    CONSENT_WITHDRAWN = "b"
    OBJECTION = "c"
    UNLAWFUL = "d"
    LEGAL_OBLIGATION = "e"
    CHILD = "f"


DEFAULT_GROUNDS: Final[Mapping[Channel, Ground]] = MappingProxyType(
    {
        Channel.SUBJECT: Ground.NO_LONGER_NECESSARY,  # who ends their account ends what the data is for
        Channel.GUARDIAN: Ground.CHILD,
        Channel.CONSENT: Ground.CONSENT_WITHDRAWN,
        Channel.OBJECTION: Ground.OBJECTION,
        Channel.PRODUCER: Ground.NO_LONGER_NECESSARY,
        Channel.RETENTION: Ground.NO_LONGER_NECESSARY,
        Channel.AUTHORITY: Ground.LEGAL_OBLIGATION,
        Channel.OPERATOR: Ground.UNLAWFUL,
    }
)


class Exemption(StrEnum):
    """What may stand against an erasure, Art. 17(3)(a) to (e)."""

    EXPRESSION = "a"
    LEGAL_OBLIGATION = "b"  # or a public task
    PUBLIC_HEALTH = "c"
    RESEARCH = "d"  # or archiving
    LEGAL_CLAIMS = "e"


class RefusalGround(StrEnum):
    """Why a request is refused; Art. 17(3) is not among them: that takes a hold, and a decision on it."""

    UNFOUNDED = "unfounded"  # manifestly, Art. 12(5)
    EXCESSIVE = "excessive"  # Art. 12(5)
    NOT_IDENTIFIED = "not_identified"  # Art. 11(2), 12(2)
    NO_RIGHT = "no_right"  # the article's own conditions are not met
    OTHERS_RIGHTS = "others_rights"  # access: Art. 15(4)
    COMPELLING = "compelling"  # objection: Art. 21(1), never to marketing
    EXEMPT = "exempt"  # erasure: by a decision on a hold, Art. 17(3)


class IdentityMethod(StrEnum):
    """How somebody is asked to show who they are, Art. 12(6); of a document only that it was seen."""

    LOGIN = "login"
    KNOWN_ADDRESS = "known_address"
    CALL_BACK = "call_back"
    DOCUMENT_SEEN = "document_seen"


class IdentityOutcome(StrEnum):
    """What came of it."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


class ExtensionCause(StrEnum):
    """Why two further months are needed, Art. 12(3)."""

    COMPLEXITY = "complexity"
    NUMBER = "number"


class Ruling(StrEnum):
    """What is advised, or decided, of an erasure against which a hold stands."""

    ERASE = "erase"
    REFUSE = "refuse"


class Role(StrEnum):
    """Who makes a move."""

    CONTROLLER = "controller"
    DPO = "dpo"
    SYSTEM = "system"  # a run, as far as people's decisions let it


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    IDENTITY = "identity"  # the clock is suspended where that was asked for without delay
    HELD = "held"  # a hold waits for the controller's decision
    AT_WORK = "at_work"
    FULFILLED = "fulfilled"  # and verified
    NOTHING_HELD = "nothing_held"
    REFUSED = "refused"
    ANSWERED = "answered"
    CLOSED = "closed"  # nobody had asked, so nobody is answered


JOINABLE: Final = frozenset({State.OPEN, State.IDENTITY, State.HELD, State.AT_WORK})
SETTLED: Final = frozenset({State.FULFILLED, State.NOTHING_HELD, State.REFUSED})  # to be answered
ENDED: Final = frozenset({State.ANSWERED, State.CLOSED})


class Move(StrEnum):
    """What happens to a case."""

    ASK_IDENTITY = "ask_identity"
    SETTLE_IDENTITY = "settle_identity"
    HOLD = "hold"
    RELEASE = "release"  # the last hold was lifted
    ADVISE = "advise"
    DECIDE = "decide"
    EXTEND = "extend"
    REFUSE = "refuse"
    START = "start"
    FULFIL = "fulfil"
    FIND_NOTHING = "find_nothing"
    TOMBSTONE = "tombstone"  # Kafka's tombstones are written
    TELL_RECIPIENTS = "tell_recipients"  # Art. 19
    ANSWER = "answer"
    CLOSE = "close"
    SHRED = "shred"  # the case's key is destroyed
