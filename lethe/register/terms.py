"""The closed sets of words that a register may use."""

from enum import StrEnum


class Protection(StrEnum):
    """What is done to a value before it is stored beyond the topic that brings it."""

    PLAIN = "plain"  # stored as it is: identifies nobody by itself
    GENERALISE = "generalise"  # only what is derived from it is stored, and that is coarser
    ENCRYPT = "encrypt"  # stored under the subject's own key, or not at all
    DROP = "drop"  # never stored


class Basis(StrEnum):
    """Lawful bases of GDPR Art. 6(1), in its order."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"

    @property
    def article(self) -> str:
        """Where the GDPR states it."""
        return f"Art. 6(1)({'abcdef'[list(Basis).index(self)]})"


class Role(StrEnum):
    """What the register's owner is for the data in it (GDPR Art. 4(7), 4(8))."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


class RecipientKind(StrEnum):
    """Who a recipient is to the controller."""

    INTERNAL = "internal"
    PROCESSOR = "processor"
    CONTROLLER = "controller"
    PUBLIC_AUTHORITY = "public_authority"


class Reference(StrEnum):
    """The name by which a store or a recipient knows a subject."""

    USER_ID = "user_id"
    SUBJECT_ID = "subject_id"
    CONTRIBUTION_ID = "contribution_id"  # derived from the subject's key
    EMAIL = "email"
    PHONE = "phone"
    CASE_ID = "case_id"
    AUDIT_REF = "audit_ref"  # derived from the subject's key
    ACCOUNT = "account"  # an operator's user name
    NONE = "none"  # it knows nobody: figures


class System(StrEnum):
    """What a store stands on: the first part of its name."""

    KAFKA = "kafka"
    CASSANDRA = "cassandra"
    MONGODB = "mongodb"
    AIRFLOW = "airflow"
    FILES = "files"


class Type(StrEnum):
    """Type of a stored value; `schema` gives each store's own."""

    TEXT = "text"
    INT = "int"  # 32 bits
    LONG = "long"  # 64 bits
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    MAP = "map"  # of text by text in Cassandra, of anything in MongoDB
    LIST = "list"
    BYTES = "bytes"


class Format(StrEnum):
    """What a text looks like; `pattern` says it as a regular expression where one can."""

    UUID = "uuid"
    SUBJECT_ID = "subject_id"
    EMAIL = "email"
    URL = "url"
    RFC3339 = "rfc3339"
    MONTH = "month"
    COUNTRY = "country"
    UTC_OFFSET = "utc_offset"
    AGE_BAND = "age_band"

    @property
    def pattern(self) -> str | None:
        """An anchored expression that every such text matches, None where only code can tell."""
        return _PATTERNS.get(self)


_PATTERNS = {
    Format.UUID: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    Format.SUBJECT_ID: "^[0-9a-f]{64}$",
    Format.MONTH: "^[0-9]{4}-(0[1-9]|1[0-2])$",
    Format.COUNTRY: "^[A-Z]{2}$",
    Format.AGE_BAND: r"^[0-9]+(-[0-9]+|\+)$",
}


class Moment(StrEnum):
    """What a retention may count from that is not a field."""

    MESSAGE_TIMESTAMP = "message_timestamp"  # Kafka's, of a record
    LAST_WRITE = "last_write"  # of a file or a row
    RUN_END = "run_end"  # of an Airflow run
    LEAVING = "leaving"  # of an operator
