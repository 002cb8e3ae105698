"""What may come in again of an erased subject (design, Return): an act of their own, later than the erasure.

A person acts by registering or by granting a consent. Everything here is about messages at or above the offsets
that their topic had at the erasure; what lies below is dropped whatever it says. Times of erasures are in µs.
"""

from collections.abc import Mapping

from lethe.profiles.consent import ConsentState
from lethe.profiles.contract import Consent, Profile


def is_below(ends: Mapping[str, Mapping[str, int]], topic: str, partition: int, offset: int) -> bool:
    """Whether a message lies below the end that its partition had at the erasure."""
    return offset < ends.get(topic, {}).get(str(partition), 0)


def consent_passes(consent: Consent, erased_at: int, state: ConsentState) -> bool:
    """Whether a consent message of an erased subject may be taken in; `state` is what is held of them since.

    A grant given later may. A withdrawal given later has nothing to withdraw while the person is away, and is
    dropped like everything else; against a grant that is held it counts, or a person who has returned could not
    withdraw (Art. 7(3)).
    """
    if consent.at_ms * 1000 <= erased_at:
        return False
    held = state.get(consent.purpose)
    return consent.granted or (held is not None and held.granted)


def profile_passes(profile: Profile, erased_at: int, state: ConsentState) -> bool:
    """Whether a profile of an erased subject is a return: it and an act of the person are later than the erasure.

    The act may be told by the profile itself, or by the consent state.
    """
    return profile.event_ms * 1000 > erased_at and last_act_ms(profile, state) * 1000 > erased_at


def last_act_ms(profile: Profile, state: ConsentState) -> int:
    """The latest act of the person (Unix ms) that a profile and their consent state tell of."""
    told = [each.at_ms for each in profile.consents if each.granted]
    held = [each.at_ms for each in state.values() if each.granted]
    return max([profile.registered_ms, *told, *held])
