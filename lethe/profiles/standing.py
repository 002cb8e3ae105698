"""What stands of one subject after a batch: the rules of order, consent, minors and returns put together.

A batch's consent messages are applied first, then its profiles; each in the order of their offsets, with the consent
state that the ones before it left. So where chunks begin, and batches of one topic, changes nothing.

- The profile with the greatest (event ms, offset) stands; it is counted while `analytics` is in force.
- A column stands while one of its purposes does, from the moment on when the row's profile was processed. A later
  withdrawal takes it away; a later grant does not bring it back, the next profile does.
- A refused profile of a child, where it is later than the row, ends it; so does the end of the last guardian's
  consent that a child's row rests on. Then nothing stands until a later profile is accepted. One that is no later
  than what stands, or has ended, is superseded like any other: so a repeated batch refuses nothing that it let in.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from lethe.profiles.consent import NO_CONSENTS, ConsentState, merge, standing_of
from lethe.profiles.contract import Consent, Profile, Refusal
from lethe.profiles.minors import admit, has_guardian
from lethe.profiles.returns import consent_passes, profile_passes
from lethe.profiles.rules import Rules

Moments: TypeAlias = frozenset[frozenset[str]]
"""The purposes in force at each moment since a row was what it is; only the least of them, which decide for all."""


class Held(NamedTuple):
    """What is held of a subject between batches.

    `position` is (event ms, offset) of the profile that stands, or of the one with which the row ended. `minor`:
    the subject was under age when the row's profile was processed, so that it rests on a guardian's consent.
    """

    consents: ConsentState = NO_CONSENTS
    position: tuple[int, int] | None = None
    stands: bool = False
    minor: bool = False
    moments: Moments = frozenset()


class Settled(NamedTuple):
    """What a batch makes of a subject.

    A batch that is repeated on what it left leaves the same, so that a store may fall behind and be brought up by
    the repetition: a row that has ended is to be deleted, and columns that it doesn't keep taken away, each time.
    """

    held: Held
    in_force: dict[str, str]  # purpose -> policy version
    profile: Profile | None  # to be written; None where the row, if any, stays as it is but for its columns
    refused: list[tuple[Profile, Refusal]]
    superseded: int
    suppressed: int

    def keeps(self, purposes: frozenset[str]) -> bool:
        """Whether a column of the row that serves these purposes, all of them by consent, stands."""
        return keeps(self.held.moments, purposes)


def keeps(moments: Moments, purposes: frozenset[str]) -> bool:
    """Whether one of these purposes was in force at each moment."""
    return all(not purposes.isdisjoint(moment) for moment in moments)


def _with(moments: Moments, moment: frozenset[str]) -> Moments:
    """One moment more. Of two of which one has all purposes of the other, only the lesser decides."""
    if any(each <= moment for each in moments):
        return moments
    return frozenset(each for each in moments if not moment <= each) | {moment}


def settle(
    held: Held,
    consents: Iterable[Consent],
    profiles: Iterable[Profile],
    rules: Rules,
    erased_at: int | None = None,
) -> Settled:
    """Bring a subject up to date with a batch's consent messages and checked profiles, in order of their offsets.

    `erased_at` (µs) is of a subject in the suppression ledger; messages below the offsets recorded there must have
    been dropped before. Of such a subject nothing that is refused is kept: it counts as suppressed.
    """
    course = _Course(held, rules, erased_at)
    course.hear(consents)
    for profile in profiles:
        course.take(profile)
    return course.settled()


class _Course:
    """A batch's way through one subject, message by message."""

    __slots__ = ("erased_at", "held", "passed", "profile", "refused", "rules", "suppressed")

    def __init__(self, held: Held, rules: Rules, erased_at: int | None) -> None:
        self.held, self.rules, self.erased_at = held, rules, erased_at
        self.profile: Profile | None = None
        self.refused: list[tuple[Profile, Refusal]] = []
        self.passed = self.suppressed = 0

    def hear(self, consents: Iterable[Consent]) -> None:
        """Apply the consent messages, one after the other."""
        for consent in consents:
            state = self.held.consents
            if self.erased_at is not None and not consent_passes(consent, self.erased_at, state):
                self.suppressed += 1
            else:
                self._turn(merge(state, (consent,), self.rules)[0])

    def take(self, profile: Profile) -> None:
        """Accept a profile, or refuse it."""
        held, position = self.held, (profile.event_ms, profile.offset)
        if self.erased_at is not None and not profile_passes(profile, self.erased_at, held.consents):
            self.suppressed += 1
            return
        before = held.position
        is_late = before is not None and (position < before or (position == before and not held.stands))
        state, changed, refusal = admit(profile, held.consents, self.rules)
        if is_late or refusal is None:
            self.passed += 1
            if not is_late:
                earlier = held.moments if position == before else frozenset()
                self.profile = profile
                self.held = Held(
                    state, position, True, profile.under_age, _with(earlier, self._standing(state))
                )
                return
        else:
            self._refuse(profile, refusal)
            if before is not None:
                self._end(position)
        if changed:
            self._turn(state)

    def settled(self) -> Settled:
        """What it has come to."""
        known = self.rules.policy_versions
        standing = standing_of(self.held.consents, known)
        superseded = self.passed - (self.profile is not None)
        return Settled(self.held, standing, self.profile, self.refused, superseded, self.suppressed)

    def _standing(self, state: ConsentState) -> frozenset[str]:
        return frozenset(standing_of(state, self.rules.policy_versions))

    def _refuse(self, profile: Profile, refusal: Refusal) -> None:
        if self.erased_at is None:
            self.refused.append((profile, refusal))
        else:
            self.suppressed += 1

    def _turn(self, state: ConsentState) -> None:
        """Go on with another consent state."""
        held = self.held
        if held.stands:
            moments = _with(held.moments, self._standing(state))
            self.held = Held(state, held.position, True, held.minor, moments)
            if held.minor and not has_guardian(state, self.rules.policy_versions):
                self._end(held.position)
        elif state is not held.consents:
            self.held = Held(state, held.position)

    def _end(self, position: tuple[int, int] | None) -> None:
        self.held = Held(self.held.consents, position)
        self.profile = None
