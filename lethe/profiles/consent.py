"""Consents (GDPR Art. 7): read them, keep the one that counts of each purpose, and say what is in force.

A subject's consent state is, of each purpose, the greatest event by `_rank` of all that were ever accepted: those
of every profile, superseded ones too, and of every message on `user_consents`. A greatest element depends on no
order of arrival, no repetition and no batches. What was given for a purpose that the register doesn't declare is
ignored.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from lethe.profiles.contract import AHEAD_MS, MAX_POLICY_VERSION, Consent
from lethe.profiles.rules import Rules
from lethe.profiles.times import instant_ms

ConsentState: TypeAlias = Mapping[str, Consent]
"""Purpose -> the event that counts for it; never changed in place."""

NO_CONSENTS: ConsentState = {}


def read_consents(value: object, now_ms: int) -> tuple[Consent, ...] | None:
    """The message's `consents`; none where absent or null; None where malformed."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return None
    consents = []
    for entry in value:
        consent = read_consent(entry, now_ms) if isinstance(entry, dict) else None
        if consent is None:
            return None
        consents.append(consent)
    return tuple(consents)


def read_consent(entry: Mapping[str, object], now_ms: int) -> Consent | None:
    """One event as a message tells of it; None where malformed.

    A time more than 5 minutes ahead is malformed: a grant dated later than any withdrawal to come would stand
    for ever. A withdrawal needs no policy version: withdrawing is to be as easy as giving (Art. 7(3)).
    """
    purpose, granted, version = entry.get("purpose"), entry.get("granted"), entry.get("policy_version")
    by_guardian = entry.get("by_guardian", False)
    at_ms = instant_ms(entry.get("at"))
    if version is None and granted is False:
        version = ""
    if at_ms is None or at_ms > now_ms + AHEAD_MS or not isinstance(purpose, str):
        return None
    if not isinstance(version, str) or len(version) > MAX_POLICY_VERSION:
        return None
    if granted is not True and granted is not False:
        return None
    if by_guardian is not True and by_guardian is not False:
        if by_guardian is not None:
            return None
        by_guardian = False
    return Consent(purpose, granted, at_ms, version, by_guardian)


def merge(state: ConsentState, events: Iterable[Consent], rules: Rules) -> tuple[ConsentState, bool]:
    """The state with these events taken in, and whether they changed it; where not, it is the same object."""
    purposes = rules.purposes
    declared = [event for event in events if event.purpose in purposes]
    merged = _greatest(state, declared, rules.policy_versions)
    return merged, merged is not state


def in_force(consents: Iterable[Consent], known_policy_versions: frozenset[str]) -> dict[str, str]:
    """Purpose -> policy version of the consents that stand, in any order; of a state, `standing_of` is enough.

    A latest grant for a version without a known wording stands for nothing, and no earlier one comes back
    for it.
    """
    return standing_of(_greatest(NO_CONSENTS, consents, known_policy_versions), known_policy_versions)


def standing_of(state: ConsentState, known_policy_versions: frozenset[str]) -> dict[str, str]:
    """Purpose -> policy version of what stands in a state."""
    return {
        purpose: consent.policy_version
        for purpose, consent in state.items()
        if consent.granted and consent.policy_version in known_policy_versions
    }


def _greatest(state: ConsentState, events: Iterable[Consent], known: frozenset[str]) -> ConsentState:
    """Of each purpose the greatest event; the state itself where it holds them already."""
    current: ConsentState = state
    merged: dict[str, Consent] | None = None
    for event in events:
        held = current.get(event.purpose)
        if held is not None and (event == held or _rank(event, known) <= _rank(held, known)):
            continue
        if merged is None:
            current = merged = dict(state)
        merged[event.purpose] = event
    return current


def _rank(consent: Consent, known_policy_versions: frozenset[str]) -> tuple[int, bool, bool, str, bool]:
    """The later one; of equal times the withdrawal, a known version, the greater version, the guardian's."""
    known = consent.policy_version in known_policy_versions
    return consent.at_ms, not consent.granted, known, consent.policy_version, consent.by_guardian


def to_document(state: ConsentState) -> dict[str, list[Any]]:
    """The state as MongoDB keeps it: purpose -> [granted, at_ms, policy_version, by_guardian]."""
    return {
        purpose: [each.granted, each.at_ms, each.policy_version, each.by_guardian]
        for purpose, each in state.items()
    }


def from_document(document: Mapping[str, Sequence[Any]]) -> ConsentState:
    """The state that such a document holds."""
    return {purpose: Consent(purpose, *fields) for purpose, fields in document.items()}
