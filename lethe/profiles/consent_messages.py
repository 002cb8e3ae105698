"""Messages of `user_consents`: one consent given or withdrawn, alone, under the user id as Kafka key.

    {"user_id": …, "purpose": …, "granted": …, "at": …, "policy_version": …, "by_guardian": …}

The consents of a batch are applied before its profiles. A null value is a tombstone: it says nothing here.
"""

from lethe.profiles.consent import read_consent
from lethe.profiles.contract import ConsentMessage, Document, Message, Refusal, is_control
from lethe.profiles.parsing import is_user_id, key_user_id, parse, unknown_fields
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules

FIELDS = frozenset({"user_id", "purpose", "granted", "at", "policy_version", "by_guardian"})


def parse_consent(message: Message, now_ms: int, rules: Rules) -> ConsentMessage | Refusal | None:
    """The consent that a record holds, the first rule that it breaks, or None for a record to be ignored.

    Never an exception. In a profile's list an undeclared purpose is ignored; alone it is a mistake, and refused.
    """
    if message.value is None or is_control(message):
        return None
    document = parse(message)
    return _read(document, message, now_ms, rules) if isinstance(document, dict) else document


def _read(document: Document, message: Message, now_ms: int, rules: Rules) -> ConsentMessage | Refusal:
    user_id = document.get("user_id")
    if not isinstance(user_id, str) or not is_user_id(user_id):
        return Refusal(Reason.BAD_LOGIN_UUID, key_user_id(message.key))
    if message.key != user_id.encode("ascii"):
        return Refusal(Reason.KEY_MISMATCH, user_id)
    consent = read_consent(document, now_ms)
    if consent is None:
        return Refusal(Reason.BAD_CONSENTS, user_id)
    if consent.purpose not in rules.purposes:
        return Refusal(Reason.UNKNOWN_PURPOSE, user_id)
    unknown = tuple(unknown_fields(document, FIELDS))
    return ConsentMessage(user_id, message.partition, message.offset, consent, unknown)
