"""A simulation sends what it says it sends: judged by the stream's own rules, message by message."""

import json
from collections import Counter
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
import pytest

from lethe.errors import InputError
from lethe.producers.people import locales
from lethe.producers.simulation import Kind, Simulation
from lethe.profiles.consent import in_force
from lethe.profiles.contract import Profile, Refusal
from lethe.profiles.parsing import parse, unknown_fields
from lethe.profiles.reasons import Reason
from lethe.profiles.validation import validate
from lethe.register.load import current
from tests.unit.producers.topic import NOW, NOW_MS, RULES, records

SEEDS = (1, 2, 7, 2026)
MONTH_MS = 30 * 86_400_000


def simulation(profiles: int = 400, **changes: Any) -> Simulation:
    return Simulation(profiles, NOW, RULES, **({"faulty": 0.1} | changes))


def judge(record: Any, now_ms: int = NOW_MS) -> Profile | Refusal:
    found = parse(record)
    assert found is not None
    return found if isinstance(found, Refusal) else validate(found, record, now_ms, RULES)


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
    sent = list(simulation(seed=seed, faulty=0))
    latest: dict[str, int] = {}
    for message, record in zip(sent, records(sent), strict=True):
        profile, facts = judge(record), message.facts
        assert isinstance(profile, Profile)
        assert facts is not None
        assert (facts.user_id, facts.event_ms) == (profile.user_id, profile.event_ms)
        assert facts.nationality == profile.nationality
        assert facts.birth_month == f"{profile.birth_date:%Y-%m}"
        if message.kind not in (Kind.LATE, Kind.REPEATED):
            latest[facts.user_id] = max(latest.get(facts.user_id, 0), facts.event_ms)
            assert facts.counted is ("analytics" in in_force(profile.consents, RULES.policy_versions))
        if message.kind is Kind.LATE:
            assert facts.event_ms < latest[facts.user_id]


def test_unknown_fields_are_those_that_no_register_declares() -> None:
    sent = list(simulation(faulty=0.1, seed=3))
    parsed = [parse(record) for record in records(sent)]
    found = [
        unknown_fields(document, RULES.known_paths) if isinstance(document, dict) else []
        for document in parsed
    ]
    assert [sorted(names) for names in found] == [sorted(message.unknown_fields) for message in sent]
    assert sum(map(bool, found)) > 3


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_people() -> None:
    assert list(simulation()) == list(simulation())
    people = [{message.key for message in simulation(seed=seed, faulty=0)} for seed in (1, 2)]
    assert people[0].isdisjoint(people[1])


def test_another_time_base_moves_times_and_nothing_else() -> None:
    later = Simulation(200, NOW + timedelta(days=1), RULES, faulty=0.1)
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
    assert kinds[Kind.FIRST] == 1_000
    assert kinds[Kind.FAULTY] == pytest.approx(0.1 * kinds.total(), abs=1)


def test_a_repeated_message_is_an_earlier_one_byte_for_byte() -> None:
    seen: set[tuple[bytes, bytes | None]] = set()
    for message in simulation(faulty=0):
        assert ((message.key, message.value) in seen) is (message.kind is Kind.REPEATED)
        seen.add((message.key, message.value))


def test_equal_event_times_are_there_with_other_content() -> None:
    times: dict[tuple[str, int], set[bytes | None]] = {}
    for message in simulation(faulty=0):
        assert message.facts is not None
        times.setdefault((message.facts.user_id, message.facts.event_ms), set()).add(message.value)
    assert max(map(len, times.values())) > 1


def test_a_deletion_names_nobody_whose_profile_was_sent() -> None:
    sent = list(simulation(faulty=0.3))
    deleted = {message.key for message in sent if message.reason is Reason.PRODUCER_DELETION}
    assert deleted
    assert deleted.isdisjoint(message.key for message in sent if message.facts)


def test_a_faulty_message_comes_of_known_people_and_of_strangers() -> None:
    sent = list(simulation(faulty=0.3))
    known = {message.key for message in sent if message.facts}
    of_known = [message.key in known for message in sent if message.reason is Reason.BAD_EMAIL]
    assert {True, False} == set(of_known)


def test_without_changes_and_faults_there_is_one_valid_message_a_person() -> None:
    sent = list(simulation(changes=0, faulty=0))
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
