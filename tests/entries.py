"""Entries of `contributions` as the stream makes them, from a few words."""

from datetime import date
from typing import Any

from lethe.profiles.contract import Consent, Profile
from lethe.profiles.rules import Rules
from lethe.stores.contributions import Change, Entry, Figures, Reading

RULES = Rules(
    minimum_age=16,
    purposes=frozenset({"account", "analytics", "marketing"}),
    policy_versions=frozenset({"2026-01", "2026-06"}),
    retention_days=1096,
    known_paths=frozenset(),
)


def figures_of(profile: Profile) -> Figures:
    born = profile.birth_date
    return {
        "nationality": profile.nationality,
        "gender": "female",
        "birth_month": f"{born:%Y-%m}",
        "registered_month": "2015-03",
    }


READING = Reading(RULES, figures_of)


def analytics(at_ms: int, *, granted: bool = True) -> Consent:
    return Consent("analytics", granted, at_ms, "2026-06")


def profile(
    event_ms: int,
    offset: int,
    nationality: str = "NL",
    month: str = "1990-05",
    consents: tuple[Consent, ...] | None = None,
    *,
    under_age: bool = False,
) -> Profile:
    """Somebody who consents to analytics, at the event's time, where not told otherwise."""
    said = (analytics(event_ms),) if consents is None else consents
    year, number = month.split("-")
    born = date(int(year), int(number), 3)
    document: dict[str, Any] = {}
    return Profile("nobody", event_ms, 0, offset, born, 0, nationality, said, document, under_age)


def entry(name: str, *profiles: Profile, consents: tuple[Consent, ...] = (), **more: Any) -> Entry:
    return Entry((name,), consents, profiles, **more)


def outcome(change: Change) -> str:
    """What became of an entry with one profile."""
    if change.settled is None:
        return "suppressed"
    return "stored" if change.settled.profile is not None else "superseded"
