"""Any history of one person, as lethe settles it batch by batch and as the model works it out of all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lethe.profiles.consent import NO_CONSENTS, in_force, merge, to_document
from lethe.profiles.consent_messages import parse_consent
from lethe.profiles.contract import CONSENTS_TOPIC, ConsentMessage, Message, Profile
from lethe.profiles.parsing import parse
from lethe.profiles.returns import is_below
from lethe.profiles.standing import Held, Settled, settle
from lethe.profiles.validation import check
from tests.model import Model
from tests.unit.profiles.examples import (
    ALICE,
    CALM,
    NOW,
    NOW_MS,
    RULES,
    consent,
    consent_message,
    document,
    message,
)

COLUMNS = {
    "gender": frozenset({"analytics"}),
    "city": frozenset({"marketing"}),
    "account_age_years": frozenset({"analytics", "marketing"}),
}
ADULT, CHILD = {"date": "1990-05-17"}, {"date": "2012-05-17"}
MANY = settings(CALM, max_examples=200)


def time(minute: int) -> str:
    return (NOW - timedelta(minutes=20 - minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


TIMES = st.integers(0, 7).map(time)
VERSIONS = st.sampled_from(["2026-01", "2026-06", "2026-06", "unheard of", "zzz"])
EVENTS = st.builds(
    lambda granted, at, purpose, version, guardian: consent(
        granted, at, purpose=purpose, policy_version=version, by_guardian=guardian
    ),
    st.sampled_from([True, True, False]),
    TIMES,
    st.sampled_from(["analytics", "analytics", "marketing", "account", "undeclared"]),
    VERSIONS,
    st.booleans(),
)


def profiles_of(birthdays: Sequence[dict[str, str]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda born, event_time, registered, consents: document(
            dob=born, event_time=event_time, registered={"date": registered}, consents=consents
        ),
        st.sampled_from(birthdays),
        TIMES | st.just("2023-10-01T00:00:00Z"),  # the last is past retention
        st.sampled_from(["2020-01-01T00:00:00Z", time(5)]),
        st.lists(EVENTS, max_size=3),
    )


ALONE = EVENTS.filter(lambda event: event["purpose"] != "undeclared").map(
    lambda event: event | {"user_id": ALICE}
)
ADULTS, ANYBODY = profiles_of([ADULT]), profiles_of([ADULT, CHILD, CHILD])
Batch = list[dict[str, Any]]


def histories(profiles: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[Batch]]:
    return st.lists(st.lists(profiles | ALONE, max_size=5), min_size=1, max_size=4)


def records(batches: Sequence[Batch]) -> list[list[Message]]:
    """Each batch's messages, with offsets counted up in either topic."""
    offsets, result = [0, 0], []
    for batch in batches:
        made = []
        for body in batch:
            is_consent = "user_id" in body
            make = consent_message if is_consent else message
            made.append(make(body, offset=offsets[is_consent]))
            offsets[is_consent] += 1
        result.append(made)
    return result


@dataclass
class Stream:
    """One subject as a stream would keep it: what is held, and what the row has lost."""

    erased_at: int | None = None
    ends: dict[str, dict[str, int]] = field(default_factory=dict)
    held: Held = field(default_factory=Held)
    offset: int | None = None  # of the profile in the row
    lost: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    suppressed: int = 0

    def take(self, batch: Sequence[Message]) -> Settled:
        kept = [m for m in batch if not is_below(self.ends, m.topic, m.partition, m.offset)]
        self.suppressed += len(batch) - len(kept)
        said: list[ConsentMessage] = []
        profiles: list[Profile] = []
        for record in kept:
            if record.topic == CONSENTS_TOPIC:
                found = parse_consent(record, NOW_MS, RULES)
                assert isinstance(found, ConsentMessage)
                said.append(found)
                continue
            parsed = parse(record)
            assert isinstance(parsed, dict)
            profile = check(parsed, record, NOW_MS, RULES)
            if isinstance(profile, Profile):
                profiles.append(profile)
            elif self.erased_at is None:
                self.refused[f"user_profiles:1:{record.offset}"] = profile.reason
            else:
                self.suppressed += 1
        settled = settle(
            self.held, [each.consent for each in said], profiles, RULES, erased_at=self.erased_at
        )
        self.note(settled)
        return settled

    def note(self, settled: Settled) -> None:
        self.held = settled.held
        self.suppressed += settled.suppressed
        self.refused |= {f"user_profiles:1:{each.offset}": why.reason for each, why in settled.refused}
        if settled.profile is not None:
            self.offset, self.lost = settled.profile.offset, set()
        self.lost |= {name for name, served in COLUMNS.items() if not settled.keeps(served)}


def assert_alike(stream: Stream, oracle: Model) -> None:
    held, subject = stream.held, oracle.subject_id(ALICE)
    assert oracle.consent_states().get(subject, {}) == to_document(held.consents)
    assert oracle.quarantine() == stream.refused
    assert len(oracle.suppressed()) == stream.suppressed
    assert oracle.ended() == ({subject: held.position} if held.position and not held.stands else {})
    rows = oracle.rows()
    assert bool(rows) is held.stands
    if held.stands:
        (row,) = rows.values()
        assert row["source_offset"] == stream.offset
        assert row["consents"] == in_force(held.consents.values(), RULES.policy_versions)
        assert oracle.lost_columns() == {subject: stream.lost}
        assert {name for name in COLUMNS if row[name] is None} == stream.lost
        counted = "analytics" in in_force(held.consents.values(), RULES.policy_versions)
        assert bool(oracle.contributions()[subject]) is counted


def modelled(batches: Sequence[Sequence[Message]]) -> Model:
    oracle = Model(bytes(32), NOW, column_purposes=COLUMNS)
    numbered = [(number, record) for number, batch in enumerate(batches) for record in batch]
    Random(1).shuffle(numbered)
    for number, record in numbered:
        oracle.feed(record, round=number)
    return oracle


@MANY
@given(histories(ANYBODY))
def test_any_history_comes_to_what_the_model_says(history: list[Batch]) -> None:
    stream, batches = Stream(), records(history)
    for batch in batches:
        stream.take(batch)
    assert_alike(stream, modelled(batches))


@MANY
@given(histories(ANYBODY), st.integers(0, 7), st.integers(0, 4), st.integers(0, 4))
def test_any_history_of_an_erased_person_does_too(
    history: list[Batch], minute: int, profiles_end: int, consents_end: int
) -> None:
    erased_at = (NOW_MS - (20 - minute) * 60_000) * 1000
    ends = {"user_profiles": {"1": profiles_end}, "user_consents": {"1": consents_end}}
    stream, batches = Stream(erased_at, ends), records(history)
    for batch in batches:
        stream.take(batch)
    oracle = modelled(batches)
    oracle.erase(ALICE, erased_at, ends)
    assert_alike(stream, oracle)


@MANY
@given(st.lists(EVENTS, max_size=8), st.randoms(use_true_random=False))
def test_a_consent_state_is_the_models_in_any_order_and_however_often(
    events: list[dict[str, Any]], random: Random
) -> None:
    oracle = Model(bytes(32), NOW)
    said = []
    for offset, event in enumerate(events):
        body = document(consents=[event])
        oracle.feed(record := message(body, offset=offset))
        found = check(body, record, NOW_MS, RULES)
        assert isinstance(found, Profile)
        said += found.consents
    for _ in range(3):
        state, order = NO_CONSENTS, random.sample(said * 2, k=len(said) * 2)
        while order:
            state, _ = merge(
                state, [order.pop() for _ in range(min(len(order), random.randint(1, 3)))], RULES
            )
        assert to_document(state) == oracle.consent_states().get(oracle.subject_id(ALICE), {})
        assert in_force(state.values(), RULES.policy_versions) == in_force(
            [each for each in said if each.purpose in RULES.purposes], RULES.policy_versions
        )


@MANY
@given(histories(ANYBODY), st.randoms(use_true_random=False))
def test_neither_order_nor_batches_matter_to_a_consent_state(history: list[Batch], random: Random) -> None:
    batches = records(history)
    everything = [record for batch in batches for record in batch]
    one_by_one, in_order = Stream(), Stream()
    for record in random.sample(everything * 2, k=len(everything) * 2):
        one_by_one.take([record])
    for batch in batches:
        in_order.take(batch)
    assert one_by_one.held.consents == in_order.held.consents


@MANY
@given(histories(ADULTS), st.randoms(use_true_random=False))
def test_of_adults_neither_order_nor_batches_matter_to_what_counts(
    history: list[Batch], random: Random
) -> None:
    batches = records(history)
    everything = [record for batch in batches for record in batch]
    shuffled = random.sample(everything * 2, k=len(everything) * 2)
    one_by_one, in_order = Stream(), Stream()
    for record in shuffled:
        one_by_one.take([record])
    for batch in batches:
        in_order.take(batch)
    assert one_by_one.held._replace(moments=frozenset()) == in_order.held._replace(moments=frozenset())
    assert one_by_one.offset == in_order.offset
    assert one_by_one.refused == in_order.refused


@MANY
@given(histories(ANYBODY))
def test_a_batch_that_is_repeated_leaves_what_it_left(history: list[Batch]) -> None:
    stream = Stream()
    for batch in records(history):
        stream.take(batch)
        before = (stream.held, stream.offset, dict(stream.refused))
        refused = _refused_positions(batch, stream)
        # Who was refused before anything stood, and is later than what stands now: another moment decides anew.
        assume(all(position <= (stream.held.position or (0, 0)) for position in refused))
        stream.take(batch)
        assert (stream.held, stream.offset, stream.refused) == before


def _refused_positions(batch: Sequence[Message], stream: Stream) -> list[tuple[int, int]]:
    positions = []
    for record in batch:
        parsed = parse(record)
        found = check(parsed, record, NOW_MS, RULES) if isinstance(parsed, dict) else None
        if isinstance(found, Profile) and f"user_profiles:1:{record.offset}" in stream.refused:
            positions.append((found.event_ms, found.offset))
    return positions
