"""Profiles of children: kept out until a guardian consents (GDPR Art. 8(1), Recital 38).

Whoever is under the register's age is refused unless a guardian's consent is in force for at least one purpose, at
the moment when the profile is processed; what the profile itself says counts too. A row that was let in so rests on
that consent until the next profile: when the last guardian's consent ends, the row ends.
"""

from typing import NamedTuple

from lethe.profiles.consent import ConsentState, merge
from lethe.profiles.contract import Profile, Refusal
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules


class Admission(NamedTuple):
    """What a profile does to its subject's consent state, and why it is refused, where it is."""

    state: ConsentState
    changed: bool
    refusal: Refusal | None = None


def has_guardian(state: ConsentState, known_policy_versions: frozenset[str]) -> bool:
    """Whether a guardian's consent is in force for any purpose.

    A later event that the child itself gives takes the guardian's place, a grant too: then it is none.
    """
    return any(
        each.by_guardian and each.granted and each.policy_version in known_policy_versions
        for each in state.values()
    )


def admit(profile: Profile, state: ConsentState, rules: Rules) -> Admission:
    """Take a checked profile's consents into its subject's state, and say whether the profile is refused.

    What a child's refused profile says of consents is heard all the same, and nothing else of it is kept: a
    withdrawal must not be lost (Art. 7(3)), and the state is that of all valid messages, whenever each came.
    """
    merged, changed = merge(state, profile.consents, rules)
    if profile.under_age and not has_guardian(merged, rules.policy_versions):
        return Admission(merged, changed, Refusal(Reason.UNDER_AGE, profile.user_id))
    return Admission(merged, changed)
