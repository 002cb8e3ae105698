"""An erased subject stays erased, whatever the stream reads again, has in work, or is sent anew."""

import signal
import uuid
from datetime import UTC, datetime

import pytest

from tests.integration.live import process_tree, signal_all, wait_until
from tests.integration.live_stream import STREAM, LiveStream
from tests.integration.messages import LONG, Bytes, bytes_of, profile, sendable, simulated, text_of
from tests.unit.profiles.examples import consent

PEOPLE = 5_000 if LONG else 1_200
FENCED = 75


@pytest.fixture(scope="module")
def known(running: LiveStream) -> list[Bytes]:
    """One message each of people who are stored, before anything happens to them."""
    people = bytes_of(simulated(PEOPLE // 2, seed=1, changes=0))
    running.send(people)
    running.check()
    return people


def user_id(message: Bytes) -> str:
    return message[0].decode()


def is_held(stream: LiveStream, user_id: str) -> bool:
    """Whether any store holds something of the subject, but for what keeps them out."""
    subject = stream.model.subject_id(user_id)
    query = "SELECT subject_id FROM profiles WHERE subject_id = %s"
    return bool(
        stream.stack.cassandra("auditor").execute(query, (subject,)).one()
        or stream.contribution(subject)
        or stream.stack.db("auditor").quarantine.find_one({"subject_ids": subject})
    )


def test_erasures_while_messages_flow_leave_everybody_else_as_they_should_be(
    running: LiveStream, known: list[Bytes]
) -> None:
    coming = simulated(PEOPLE, seed=2, changes=0.3, faulty=0.05)
    messages = bytes_of(coming)
    running.send(messages)
    running.await_contributions(PEOPLE // 10)
    erased = [user_id(known[0]), user_id(known[1]), user_id(messages[-1]), str(uuid.uuid4())]
    outcomes = [running.erase(each)["outcome"] for each in erased]
    running.check()
    assert outcomes[:2] == ["erased", "erased"]
    assert outcomes[3] == "nothing_held"
    assert not any(is_held(running, each) for each in erased)


def test_a_dump_that_is_published_again_does_not_bring_an_erased_subject_back(
    running: LiveStream, known: list[Bytes]
) -> None:
    erased = [user_id(message) for message in known[:2]]
    assert not any(is_held(running, each) for each in erased)
    running.send(known)
    later = [profile(each, hours_ago=0, consents=[consent(at="2026-10-01T00:00:00Z")]) for each in erased]
    running.send(sendable(body) for body in later)
    running.send([(erased[0].encode(), b"{"), (erased[1].encode(), None)])
    running.check()
    assert not any(is_held(running, each) for each in erased)


def test_a_later_registration_or_consent_brings_a_person_back(
    running: LiveStream, known: list[Bytes]
) -> None:
    registered, consented = user_id(known[0]), user_id(known[1])
    now = text_of(datetime.now(UTC))
    running.send(
        [
            sendable(profile(registered, hours_ago=0, registered={"date": now}, consents=[])),
            sendable(profile(consented, hours_ago=0, consents=[consent(at=now)])),
        ]
    )
    running.check()
    assert is_held(running, registered)
    assert is_held(running, consented)


def test_a_person_who_came_back_can_be_erased_again(running: LiveStream, known: list[Bytes]) -> None:
    assert running.erase(user_id(known[1]))["outcome"] == "erased"
    running.check()
    assert not is_held(running, user_id(known[1]))


def test_a_batch_in_work_does_not_bring_back_who_was_erased_meanwhile_known_or_not(
    running: LiveStream, known: list[Bytes]
) -> None:
    coming = bytes_of(simulated(PEOPLE, seed=3, changes=0))
    repeated = [sendable(profile(user_id(message), hours_ago=0.1)) for message in known[10:20]]
    running.send([*repeated, *coming])
    tree = process_tree(running.stack.pid(STREAM))
    running.await_contributions(PEOPLE // 10)
    signal_all(tree, signal.SIGSTOP)
    unknown = [user_id(each) for each in reversed(coming) if not is_held(running, user_id(each))][:3]
    half_known = [user_id(each) for each in coming if is_held(running, user_id(each))][-3:]
    erased = [*unknown, *half_known, user_id(known[10])]
    for each in erased:
        running.erase(each)
    signal_all(tree, signal.SIGCONT)
    wait_until(lambda: not running.is_up(), "the driver that slept has ended by itself")
    assert running.stack.supervisor.state(STREAM).exit_status == FENCED
    assert not any(is_held(running, each) for each in erased)
    running.start()
    running.check()
    assert not any(is_held(running, each) for each in erased)


def test_reading_the_topic_again_from_its_beginning_brings_back_nobody_who_was_erased(
    running: LiveStream,
) -> None:
    held_out = {subject["_id"] for subject in running.stack.db("auditor").suppression.find()}
    running.forget_position()
    running.start()
    running.check()
    stored = {running.model.subject_id(each) for each in running.model.standing()}
    assert len(held_out - stored) >= 10
