"""Every message is stored as it should be, or lies in quarantine for its reason; and none stops the stream."""

import uuid
from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest

from lethe.producers.sent import WITH_CONSENTS_ALONE, Kind
from lethe.profiles.contract import MAX_MESSAGE_BYTES
from lethe.profiles.reasons import Reason
from tests.integration.live_stream import LiveStream
from tests.integration.messages import (
    LONG,
    bytes_of,
    padded,
    profile,
    sendable,
    shuffled,
    simulated,
    text_of,
)
from tests.integration.oracle import (
    assert_stores_equal,
    held_contributions,
)
from tests.integration.totals import assert_totals_add_up, assert_totals_equal
from tests.unit.profiles.examples import consent

PEOPLE = 10_000 if LONG else 1_000
SEEDS = range(5 if LONG else 1)


def test_a_plain_run_leaves_in_the_stores_what_the_model_says(running: LiveStream) -> None:
    simulation = simulated(PEOPLE, changes=0)
    assert running.send(bytes_of(simulation)) == PEOPLE
    running.check()
    assert len(running.model.standing()) == PEOPLE
    assert running.model.not_counted() > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_repeated_reordered_and_late_messages_end_as_if_each_had_come_once_and_in_order(
    running: LiveStream, seed: int
) -> None:
    simulation = simulated(PEOPLE // 4, seed=100 + seed, changes=0.9)
    assert {sent.kind for sent in simulation} == set(Kind) - {Kind.FAULTY} - WITH_CONSENTS_ALONE
    messages = bytes_of(simulation)
    running.send(messages)
    running.send(shuffled(messages * 2, seed))
    running.check()


def test_of_equal_event_times_the_message_that_was_sent_last_stands_whole(running: LiveStream) -> None:
    users = [str(uuid.uuid4()) for _ in range(30)]
    moment = text_of(datetime.now(UTC) - timedelta(hours=2))
    states = cycle([{"state": "A"}, {"country": "B"}, {"state": "C", "postcode": 1234}, {}])
    consents = cycle(
        [[consent()], [], [consent(), consent(purpose="marketing")], [consent(False)], [consent()]]
    )
    nationalities = cycle(["NL", "DE", "JP"])
    messages = []
    for _ in range(40):
        location, given, nationality = next(states), next(consents), next(nationalities)
        for user_id in users:
            body = profile(user_id, location=location, consents=given, nat=nationality, event_time=moment)
            messages.append(sendable(body))
    running.send(messages)
    running.check()


def test_a_faulty_message_of_every_reason_lies_in_quarantine_for_that_reason(running: LiveStream) -> None:
    sent = list(simulated(PEOPLE // 5, seed=200, faulty=0.3))
    reasons = [message.reason for message in sent if message.reason is not None]
    before = len(running.model.quarantine())
    running.send((message.key, message.value) for message in sent)
    running.check()
    assert len(running.model.quarantine()) == before + len(reasons)
    of_profiles = set(Reason) - {Reason.UNKNOWN_PURPOSE}
    assert running.model.quarantine_by_reason().keys() == {reason.value for reason in of_profiles}


def test_no_message_however_strange_stops_the_stream(running: LiveStream) -> None:
    key, value = sendable(profile(location={"city": "CITY", "state": "STATE"}, gender="GENDER"))
    assert key is not None
    assert value is not None
    running.send(
        [
            padded(MAX_MESSAGE_BYTES),
            padded(MAX_MESSAGE_BYTES + 1),
            padded(300_000),
            (key, b"[" * 100_000),
            (key, b'{"a":' * 100_000),
            (key, value.replace(b'"STATE"', b"[" * 900 + b"]" * 900)),
            (key, value.replace(b"CITY", b"\xff\xfe")),
            (key, value.replace(b"CITY", b"\\ud800")),
            (key, value.replace(b"STATE", b"\\udc00\\ud800")),
            (key, value.replace(b"STATE", b"a\\u0000b\\u202e\\ufeff")),
            (key, value.replace(b'"GENDER"', b"1" + b"0" * 400)),
            (key, value.replace(b'"GENDER"', b"1e400")),
            (key, value.replace(b'"STATE"', b"-1" + b"0" * 30)),
            (key, value.replace(b'"nat": "NL"', b'"nat": "XX", "nat": "FR"')),
            (key, b"\xef\xbb\xbf" + value),
            (key, value + b"\x00"),
            (key, b"NaN"),
            (key, b""),
            (b"\xff" * 36, value),
            (b"k" * 500_000, value),
        ]
    )
    running.check()


def test_names_and_purposes_that_nobody_declared_are_not_stored_and_stop_nothing(running: LiveStream) -> None:
    strange = {"$where": 1, "a.b": {"c": 1}, "": 2, "\x00": 3, "x" * 10_000: 4}
    many = {f"field_{n}": n for n in range(5_000)}
    undeclared = [consent(purpose="profiling"), consent(purpose="x" * 70_000), consent(purpose="")]
    running.send(
        [
            sendable(profile() | strange),
            sendable(profile() | many),
            sendable(profile(consents=[*undeclared, consent()])),
            sendable(profile(consents=[consent(purpose=f"purpose {n}") for n in range(2_000)])),
        ]
    )
    running.check()


def test_many_of_the_largest_messages_are_stored(running: LiveStream) -> None:
    running.send(padded(MAX_MESSAGE_BYTES) for _ in range(120))
    running.check()


def test_each_message_was_counted_once(running: LiveStream) -> None:
    assert_stores_equal(running.stack, running.model)
    assert_totals_equal(running.stack, running.model)
    assert_totals_add_up(running.stack)


def test_reading_the_topic_again_from_its_beginning_changes_nothing(running: LiveStream) -> None:
    before = held_contributions(running.stack, running.model)
    running.forget_position()
    running.start()
    running.check()
    assert held_contributions(running.stack, running.model) == before
    assert_totals_add_up(running.stack)
