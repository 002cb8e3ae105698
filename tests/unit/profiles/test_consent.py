"""Reading consents, and what is in force (design, Consent)."""

from itertools import permutations
from typing import Any

import pytest

from lethe.profiles.consent import in_force, read_consents
from lethe.profiles.contract import AHEAD_MS, Consent
from lethe.profiles.times import instant_ms
from tests.unit.profiles.examples import NOW_MS, consent

KNOWN = frozenset({"2026-01", "2026-06"})


def given(at_ms: int, granted: bool = True, version: str = "2026-06", purpose: str = "analytics") -> Consent:
    return Consent(purpose, granted, at_ms, version)


def test_a_consent_is_read_whole() -> None:
    assert read_consents([consent(by_guardian=True)], NOW_MS) == (
        Consent("analytics", True, instant_ms("2026-10-01T00:00:00Z") or 0, "2026-06", True),
    )


@pytest.mark.parametrize("absent", [None, []])
def test_no_list_is_no_consent(absent: Any) -> None:
    assert read_consents(absent, NOW_MS) == ()


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        {},
        True,
        [None],
        ["analytics"],
        [consent(purpose=None)],
        [consent(purpose=["analytics"])],
        [consent(granted="true")],
        [consent(granted=1)],
        [consent(granted=[])],
        [consent(at="2026-10-01")],
        [consent(at=None)],
        [consent(policy_version=None)],
        [consent(policy_version=202606)],
        [consent(by_guardian="no")],
        [consent(by_guardian=0)],
        [consent(), {}],
    ],
)
def test_a_malformed_consent_spoils_the_list(value: Any) -> None:
    assert read_consents(value, NOW_MS) is None


def test_a_consent_cannot_be_dated_ahead_of_the_clock() -> None:
    late = consent(at="2026-11-24T12:05:00.000Z")
    assert read_consents([late], NOW_MS) is not None
    assert read_consents([late], NOW_MS - 1) is None
    assert AHEAD_MS == 300_000


def test_a_withdrawal_needs_no_policy_version() -> None:
    withdrawal = {"purpose": "analytics", "granted": False, "at": "2026-10-01T00:00:00Z"}
    assert read_consents([withdrawal], NOW_MS) == (
        Consent("analytics", False, instant_ms("2026-10-01T00:00:00Z") or 0, ""),
    )


@pytest.mark.parametrize(
    ("consents", "expected"),
    [
        ([], {}),
        ([given(1)], {"analytics": "2026-06"}),
        ([given(1), given(2, granted=False)], {}),
        ([given(1, granted=False), given(2)], {"analytics": "2026-06"}),
        ([given(2), given(2, granted=False)], {}),
        ([given(1, version="2026-01"), given(2)], {"analytics": "2026-06"}),
        ([given(1), given(2, version="unheard of")], {}),
        ([given(1), given(2, granted=False, version="")], {}),
        ([given(1, version="2026-01"), given(1, version="2026-06")], {"analytics": "2026-06"}),
        ([given(1, version="2026-01"), given(1, version="zzz")], {"analytics": "2026-01"}),
        ([given(1), given(9, granted=False, purpose="marketing")], {"analytics": "2026-06"}),
    ],
)
def test_the_latest_of_a_purpose_stands_whatever_the_order(
    consents: list[Consent], expected: dict[str, str]
) -> None:
    assert all(in_force(order, KNOWN) == expected for order in permutations(consents))
