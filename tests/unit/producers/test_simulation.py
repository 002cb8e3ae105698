"""A simulation sends what it says it sends: judged by the stream's own rules, message by message."""

import json
from collections import Counter
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
import pytest

from lethe.errors import InputError
from lethe.producers.consent_faults import REASONS
from lethe.producers.consents import allows
from lethe.producers.people import locales
from lethe.producers.sent import WITH_CONSENTS_ALONE, Kind
from lethe.producers.simulation import Simulation
from lethe.profiles.consent import in_force
from lethe.profiles.consent_messages import FIELDS, parse_consent
from lethe.profiles.contract import CONSENTS_TOPIC, PROFILES_TOPIC, ConsentMessage, Profile, Refusal
from lethe.profiles.minors import admit
from lethe.profiles.parsing import parse, unknown_fields
from lethe.profiles.reasons import Reason
from lethe.profiles.validation import check
from lethe.register.load import current
from tests.unit.producers.topic import NOW, NOW_MS, RULES, records

SEEDS = (1, 2, 7, 2026)
MONTH_MS = 30 * 86_400_000


def simulation(profiles: int = 400, **changes: Any) -> Simulation:
    return Simulation(profiles, NOW, RULES, **({"faulty": 0.1, "consent_changes": 0.2} | changes))


def judge(record: Any, now_ms: int = NOW_MS) -> Profile | ConsentMessage | Refusal:
    """What the stream makes of a message of a person of whom it knows nothing else."""
    if record.topic == CONSENTS_TOPIC:
        said = parse_consent(record, now_ms, RULES)
        assert said is not None
        return said
    found = parse(record)
    assert found is not None
    profile = found if isinstance(found, Refusal) else check(found, record, now_ms, RULES)
    return profile if isinstance(profile, Refusal) else admit(profile, {}, RULES).refusal or profile


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("read_ms", [NOW_MS, NOW_MS + MONTH_MS])
def test_every_faulty_message_is_refused_for_its_reason_and_no_other_is(seed: int, read_ms: int) -> None:
    sent = list(simulation(seed=seed))
    found = [judge(record, read_ms) for record in records(sent)]
    reasons = [verdict.reason if isinstance(verdict, Refusal) else None for verdict in found]
    assert reasons == [message.reason for message in sent]
    assert {message.reason for message in sent} == {None, *Reason}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_valid_message_says_what_it_is_meant_to_say(seed: int) -> None:
    sent = [message for message in simulation(seed=seed, faulty=0) if message.facts]
    latest: dict[str, int] = {}
    for message, record in zip(sent, records(sent), strict=True):
        profile, facts = judge(record), message.facts
        assert isinstance(profile, Profile)
        assert facts is not None
        assert (facts.user_id, facts.event_ms) == (profile.user_id, profile.event_ms)
        assert facts.nationality == profile.nationality
        assert facts.birth_month == f"{profile.birth_date:%Y-%m}"
        assert allows(message.choices) is ("analytics" in in_force(profile.consents, RULES.policy_versions))
        if message.kind not in (Kind.LATE, Kind.REPEATED):
            latest[facts.user_id] = max(latest.get(facts.user_id, 0), facts.event_ms)
        if message.kind is Kind.LATE:
            assert facts.event_ms < latest[facts.user_id]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_consent_alone_says_what_it_is_meant_to_say(seed: int) -> None:
    sent = [message for message in simulation(seed=seed, faulty=0) if message.topic == CONSENTS_TOPIC]
    for message, record in zip(sent, records(sent), strict=True):
        said = judge(record)
        assert isinstance(said, ConsentMessage)
        assert said.user_id.encode() == message.key
        given = in_force([said.consent], RULES.policy_versions)
        told = [(choice.at_ms, choice.withdrawn, choice.counts) for choice in message.choices]
        purpose, granted, at_ms, _, _ = said.consent
        assert told == ([(at_ms, not granted, "analytics" in given)] if purpose == "analytics" else [])


def test_children_have_a_guardians_consent_and_what_ends_it_is_refused_for_a_year_and_more() -> None:
    sent = list(simulation(1_000, consent_changes=0.9, faulty=0))
    year_ms = NOW_MS + 366 * 86_400_000
    for message, record in zip(sent, records(sent), strict=True):
        found = judge(record, year_ms)
        if message.kind is Kind.CHILD:
            assert isinstance(found, Profile)
            assert found.under_age
        elif message.kind is Kind.CHILD_ENDED:
            assert isinstance(found, Refusal)
            assert found.reason is Reason.UNDER_AGE
            assert message.ends_ms is not None
        elif isinstance(found, Profile):
            assert not found.under_age


def test_without_consent_changes_nothing_is_sent_but_profiles() -> None:
    sent = list(simulation(1_000, consent_changes=0))
    assert {message.topic for message in sent} == {PROFILES_TOPIC}
    assert {message.kind for message in sent} == set(Kind) - WITH_CONSENTS_ALONE
    assert {message.reason for message in sent} == {None, *Reason} - {Reason.UNKNOWN_PURPOSE}


def test_faulty_consents_are_of_every_reason_that_there_is_for_them() -> None:
    sent = [message for message in simulation(1_000, faulty=0.4) if message.kind is Kind.FAULTY]
    assert {message.reason for message in sent if message.topic == CONSENTS_TOPIC} == REASONS


def test_unknown_fields_are_those_that_no_register_declares() -> None:
    sent = list(simulation(faulty=0.1, seed=3))
    found = []
    for record in records(sent):
        document = parse(record)
        known = RULES.known_paths if record.topic == PROFILES_TOPIC else FIELDS
        found.append(unknown_fields(document, known) if isinstance(document, dict) else [])
    assert [sorted(names) for names in found] == [sorted(message.unknown_fields) for message in sent]
    assert sum(map(bool, found)) > 3


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_people() -> None:
    assert list(simulation()) == list(simulation())
    people = [{message.key for message in simulation(seed=seed, faulty=0)} for seed in (1, 2)]
    assert people[0].isdisjoint(people[1])


def test_another_time_base_moves_times_and_nothing_else() -> None:
    later = Simulation(200, NOW + timedelta(days=1), RULES, faulty=0.1, consent_changes=0.2)
    pairs = list(zip(simulation(200), later, strict=True))
    assert all(
        (one.key, one.kind, one.reason) == (other.key, other.kind, other.reason) for one, other in pairs
    )
    moved = {
        one.facts and one.facts.event_ms - (other.facts.event_ms if other.facts else 0)
        for one, other in pairs
    }
    assert moved == {None, -86_400_000}


def test_every_kind_of_message_is_there() -> None:
    kinds = Counter(message.kind for message in simulation(1_000))
    assert kinds.keys() == set(Kind)
    assert kinds[Kind.FIRST] + kinds[Kind.CHILD] == 1_000
    assert kinds[Kind.FAULTY] == pytest.approx(0.1 * kinds.total(), abs=1)


def test_a_repeated_message_is_an_earlier_one_byte_for_byte() -> None:
    seen: set[tuple[bytes, bytes | None]] = set()
    for message in simulation(faulty=0):
        assert ((message.key, message.value) in seen) is (message.kind is Kind.REPEATED)
        seen.add((message.key, message.value))


def test_equal_event_times_are_there_with_other_content() -> None:
    times: dict[tuple[str, int], set[bytes | None]] = {}
    for message in simulation(faulty=0, consent_changes=0):
        assert message.facts is not None
        times.setdefault((message.facts.user_id, message.facts.event_ms), set()).add(message.value)
    assert max(map(len, times.values())) > 1


def test_a_deletion_names_nobody_whose_profile_was_sent() -> None:
    sent = list(simulation(faulty=0.3))
    deleted = {message.key for message in sent if message.reason is Reason.PRODUCER_DELETION}
    assert deleted
    assert deleted.isdisjoint(message.key for message in sent if message.facts)


def test_a_child_to_be_refused_is_nobody_whose_profile_stands() -> None:
    sent = [message for message in simulation(faulty=0.3) if message.kind is not Kind.CHILD_ENDED]
    children = {message.key for message in sent if message.reason is Reason.UNDER_AGE}
    assert children
    assert children.isdisjoint(message.key for message in sent if message.facts)


def test_a_faulty_message_comes_of_known_people_and_of_strangers() -> None:
    sent = list(simulation(faulty=0.3))
    known = {message.key for message in sent if message.facts}
    of_known = [message.key in known for message in sent if message.reason is Reason.BAD_EMAIL]
    assert {True, False} == set(of_known)


def test_without_changes_and_faults_there_is_one_valid_message_a_person() -> None:
    sent = list(simulation(changes=0, faulty=0, consent_changes=0))
    assert [message.kind for message in sent] == [Kind.FIRST] * 400
    size = sum(len(message.value or b"") for message in sent) / 400
    assert 1_000 < size < 1_400


def test_people_come_of_the_locales_chosen_and_the_first_is_the_most_frequent() -> None:
    facts = [message.facts for message in simulation(locales=("JP", "GR"), faulty=0, changes=0)]
    codes = Counter(each.nationality for each in facts if each)
    assert codes.keys() == {"JP", "GR"}
    assert codes["JP"] > codes["GR"]


def test_a_single_locale_has_moves_within_it() -> None:
    sent = list(simulation(locales=("TH",), faulty=0))
    assert Kind.MOVED in {message.kind for message in sent}
    assert {message.facts.nationality for message in sent if message.facts} == {"TH"}


def test_an_unknown_locale_is_named_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"locales: no XX; there are NL, DE, .*TH"):
        simulation(locales=("NL", "XX"))


def test_a_message_has_every_field_of_the_contract() -> None:
    documents = [orjson.loads(message.value or b"") for message in simulation(60, faulty=0)]
    paths = {path for document in documents for path in _paths(document)}
    declared = current().known_paths() - {"consents.by_guardian"}
    assert declared <= paths


def _paths(value: Any, prefix: str = "") -> set[str]:
    if isinstance(value, list):
        return {path for item in value for path in _paths(item, prefix)}
    if not isinstance(value, dict):
        return {prefix.rstrip(".")}
    return {path for name, inner in value.items() for path in _paths(inner, f"{prefix}{name}.")}


def test_names_come_in_several_scripts() -> None:
    text = json.dumps([entry.last for entry in locales().values()], ensure_ascii=False)
    for letter in "éöşШΠمमพ王佐김":
        assert letter in text, letter


def test_messages_are_made_as_they_are_asked_for() -> None:
    assert len(list(islice(simulation(10**9), 10))) == 10
