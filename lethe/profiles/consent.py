"""Consents of a message: read them, and say what is in force (GDPR Art. 7)."""

from collections.abc import Iterable

from lethe.profiles.contract import AHEAD_MS, Consent
from lethe.profiles.times import instant_ms


def read_consents(value: object, now_ms: int) -> tuple[Consent, ...] | None:
    """The message's `consents`; none where absent or null; None where malformed.

    A time more than 5 minutes ahead is malformed: a grant dated later than any withdrawal to come would stand
    for ever. A withdrawal needs no policy version: withdrawing is to be as easy as giving (Art. 7(3)).
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        return None
    consents = []
    for entry in value:
        consent = _read_consent(entry, now_ms + AHEAD_MS) if isinstance(entry, dict) else None
        if consent is None:
            return None
        consents.append(consent)
    return tuple(consents)


def _read_consent(entry: dict[str, object], latest_ms: int) -> Consent | None:
    purpose, granted, version = entry.get("purpose"), entry.get("granted"), entry.get("policy_version")
    by_guardian = entry.get("by_guardian", False)
    at_ms = instant_ms(entry.get("at"))
    if version is None and granted is False:
        version = ""
    if at_ms is None or at_ms > latest_ms or not isinstance(purpose, str) or not isinstance(version, str):
        return None
    if granted is not True and granted is not False:
        return None
    if by_guardian is not True and by_guardian is not False:
        if by_guardian is not None:
            return None
        by_guardian = False
    return Consent(purpose, granted, at_ms, version, by_guardian)


def in_force(consents: Iterable[Consent], known_policy_versions: frozenset[str]) -> dict[str, str]:
    """Purpose -> policy version of the consents that stand: the latest each; of equal times the withdrawal.

    A latest grant for a version without a known wording stands for nothing, and no earlier one comes back
    for it. Of grants at one time the greatest known version counts, whatever the order of the list.
    """
    latest: dict[str, Consent] = {}
    for consent in consents:
        held = latest.get(consent.purpose)
        if held is None or _rank(consent, known_policy_versions) > _rank(held, known_policy_versions):
            latest[consent.purpose] = consent
    return {
        purpose: consent.policy_version
        for purpose, consent in latest.items()
        if consent.granted and consent.policy_version in known_policy_versions
    }


def _rank(consent: Consent, known_policy_versions: frozenset[str]) -> tuple[int, bool, bool, str]:
    known = consent.policy_version in known_policy_versions
    return consent.at_ms, not consent.granted, known, consent.policy_version
