"""Quarantine on the running stream: what is kept of a refused message, and sending it again."""

import json
import os
import pwd
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lethe.errors import StoreError
from lethe.producers.sending import Sender
from lethe.profiles.contract import AHEAD_MS, PROFILES_TOPIC
from lethe.profiles.reasons import Reason
from lethe.protection.day_keys import DayKeys
from lethe.protection.payloads import Content
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.quarantine.day_keys import destroy_expired
from lethe.quarantine.reading import Keys
from lethe.quarantine.replay import Outcome, Replay
from lethe.quarantine.selection import Selection
from lethe.quarantine.senders import TopicSenders
from lethe.register.load import load
from lethe.stores.kafka import client_settings, end_offsets
from lethe.stream import lease as leases
from tests.integration.live import wait_until
from tests.integration.live_stream import LiveStream
from tests.integration.messages import LONG, Bytes, profile, sendable, simulated, text_of
from tests.integration.oracle import assert_stores_equal, take_topics
from tests.model import place

NOTHING_HELD = {"under_age", "past_retention", "unknown_purpose", "too_large", "producer_deletion"}
PEOPLE = 2_000 if LONG else 200
FLOOD = 60_000 if LONG else 6_000
SOON = timedelta(seconds=45)  # until a message that is refused as ahead is no longer


def held(stream: LiveStream, **query: Any) -> list[dict[str, Any]]:
    return list(stream.stack.db("auditor").quarantine.find(query))


def log_of(stream: LiveStream) -> list[dict[str, Any]]:
    """What the audit trail tells of quarantine."""
    query = {"action": {"$regex": "^quarantine_"}}
    return list(stream.stack.db("auditor").audit_trail.find(query).sort("_id", 1))


def ahead(user_id: str, event: datetime) -> Bytes:
    """A profile that is refused as long as its event lies more than five minutes ahead."""
    return sendable(profile(user_id, event_time=text_of(event)))


def refused_as_ahead(stream: LiveStream) -> tuple[str, str, datetime]:
    """A new person's profile in quarantine; user id, place, and from when on it would be taken."""
    user_id, until = str(uuid.uuid4()), datetime.now(UTC) + SOON
    stream.send([ahead(user_id, until + timedelta(milliseconds=AHEAD_MS))])
    stream.check()
    (document,) = held(stream, subject_ids=stream.model.subject_id(user_id))
    assert document["reason"] == "event_time_ahead"
    return user_id, document["_id"], until


def await_time(moment: datetime) -> None:
    """Nothing tells that a time has come but the clock."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds() + 1.0))


def forget(stream: LiveStream, *places: str) -> None:
    """Tell the model that messages have left quarantine."""
    for reading in stream.model.readings.values():
        if place(reading) in places:
            reading.ignored = True


def user_of(stream: LiveStream, user_id: str) -> int:
    """How many rows and contributions are this person's."""
    subject = stream.model.subject_id(user_id)
    query = "SELECT subject_id FROM profiles WHERE subject_id = %s"
    rows = stream.stack.cassandra("auditor").execute(query, (subject,)).all()
    return len(rows) + (stream.contribution(subject) is not None)


def test_of_every_reason_there_is_the_payload_that_there_should_be(running: LiveStream) -> None:
    running.send((sent.key, sent.value) for sent in simulated(PEOPLE, seed=900, faulty=0.4))
    running.send([(b"no uuid", b"{"), (b"", b"[1]")])
    running.check()
    documents = held(running)
    messages = {place(reading): reading.message for reading in running.model.readings.values()}
    assert {each["reason"] for each in documents} >= {each.value for each in Reason} - {"unknown_purpose"}
    opened = Keys(running.stack.paths).open(documents)
    for document, content in zip(documents, opened, strict=True):
        if document["reason"] in NOTHING_HELD:
            assert "payload" not in document
            continue
        message = messages[document["_id"]]
        assert message.value is not None
        assert content == Content(message.key, message.value, message.timestamp_ms)
        assert ("root" in document) == ("subject_ids" in document)
        for said in (message.key, message.value):
            assert not said or len(said) < 6 or said not in document["payload"]


def test_list_counts_by_reason_and_whoever_has_a_login_may(running: LiveStream) -> None:
    expected, before = running.model.quarantine_by_reason(), len(log_of(running))
    for user in ("admin", "controller", "dpo", "viewer"):
        told = json.loads(running.stack.lethe("quarantine", "list", "--json", "--as", user).stdout)
        assert {each["reason"]: each["count"] for each in told} == expected
    told = running.stack.lethe(
        "quarantine", "list", "--lines", "--json", "--limit", "100000", "--reason", "bad_email"
    )
    lines = json.loads(told.stdout)
    wanted = {name for name, reason in running.model.quarantine().items() if reason == "bad_email"}
    assert {each["place"] for each in lines} == wanted
    assert len(log_of(running)) == before


def test_show_prints_one_message_and_was_recorded(running: LiveStream) -> None:
    document = held(running, reason="bad_email")[0]
    reading = next(each for each in running.model.readings.values() if place(each) == document["_id"])
    before = len(log_of(running))
    (shown,) = json.loads(running.stack.lethe("quarantine", "show", document["_id"], "--json").stdout)
    assert reading.message.value is not None
    assert json.loads(shown["message"]["value"]) == json.loads(reading.message.value)
    (entry,) = log_of(running)[before:]
    account = pwd.getpwuid(os.getuid()).pw_name
    assert {name: entry[name] for name in entry.keys() - {"_id", "at", "previous", "key", "audit_ref"}} == {
        "role": "controller",
        "account": account,
        "action": "quarantine_show",
        "purpose": "operation",
        "result": {"count": 1, "places": [document["_id"]]},
    }


@pytest.mark.parametrize("user", ["viewer", "dpo"])
def test_who_may_only_list_is_refused_and_nothing_is_shown_or_sent(running: LiveStream, user: str) -> None:
    document, before, ends = held(running, reason="bad_email")[0], len(log_of(running)), topic_ends()
    for command in ("show", "replay"):
        refused = running.stack.lethe("quarantine", command, document["_id"], "--as", user, check=False)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"lethe: {user} may list")
    assert (len(log_of(running)), topic_ends()) == (before, ends)


def topic_ends() -> dict[str, int]:
    return end_offsets(client_settings("auditor"))[PROFILES_TOPIC]


def test_a_replay_after_the_cause_is_gone_is_counted_once(running: LiveStream) -> None:
    user_id, where, until = refused_as_ahead(running)
    assert user_of(running, user_id) == 0
    await_time(until)
    before = len(log_of(running))
    assert running.stack.lethe("quarantine", "replay", where).stdout == "replayed 1\n"
    forget(running, where)
    running.check()
    assert user_of(running, user_id) == 2
    assert [(each["action"], each["result"]["count"]) for each in log_of(running)[before:]] == [
        ("quarantine_replay", 1),
        ("quarantine_replayed", 1),
    ]
    sent = [each.message for each in running.model.readings.values() if each.user_id == user_id]
    assert len({(each.partition, each.timestamp_ms, each.key, each.value) for each in sent}) == 1
    assert len(sent) == 2


class Dying(TopicSenders):
    """Dies after Kafka has acknowledged, before MongoDB has committed."""

    def flush(self) -> None:
        super().flush()
        raise StoreError("killed here")


def replay(stream: LiveStream, where: str, senders: TopicSenders) -> Outcome:
    client = stream.stack.mongo("quarantine")
    chosen = Selection(places=(where,))
    keys = Keys(stream.stack.paths)
    return Replay(client, stream.stack.db("quarantine"), keys, senders).run(chosen, lambda _count: None)


def test_a_replay_that_dies_before_its_end_is_done_again_and_still_counted_once(running: LiveStream) -> None:
    user_id, where, until = refused_as_ahead(running)
    await_time(until)
    with pytest.raises(StoreError, match="killed here; 0 were replayed before"):
        replay(running, where, Dying())
    assert len(held(running, _id=where)) == 1
    assert replay(running, where, TopicSenders()).sent == 1
    forget(running, where)
    running.check()
    assert user_of(running, user_id) == 2
    assert sum(each.user_id == user_id for each in running.model.readings.values()) == 3


def test_what_is_refused_again_is_in_quarantine_under_its_new_place(running: LiveStream) -> None:
    user_id = str(uuid.uuid4())
    running.send([sendable(profile(user_id, email="no"))])
    running.check()
    (document,) = held(running, subject_ids=running.model.subject_id(user_id))
    told = running.stack.lethe("quarantine", "replay", document["_id"], "--json")
    assert json.loads(told.stdout) == {"sent": 1, "unreadable": {}}
    forget(running, document["_id"])
    running.check()
    (again,) = held(running, subject_ids=running.model.subject_id(user_id))
    assert again["_id"] != document["_id"]
    assert Keys(running.stack.paths).open([again]) == Keys(running.stack.paths).open([document])


def test_of_an_erased_subject_nothing_can_be_replayed_from_any_copy(running: LiveStream) -> None:
    user_id = str(uuid.uuid4())
    running.send([sendable(profile(user_id)), sendable(profile(user_id, email="no"))])
    running.check()
    (document,) = held(running, subject_ids=running.model.subject_id(user_id))
    assert running.erase(user_id)["before"]["mongodb.quarantine"] == 1
    record = running.stack.db("auditor").erasures.find_one({"subject_id": running.model.subject_id(user_id)})
    assert record is not None
    assert record["steps"]["erase_mongodb"]["unattributed_until"] > datetime.now(UTC) + timedelta(days=7)
    running.check()
    ends = topic_ends()
    gone = running.stack.lethe("quarantine", "replay", document["_id"], check=False)
    assert (gone.returncode, gone.stderr) == (
        1,
        "lethe: nothing to replay: no document that is selected holds a message\n",
    )
    db = running.stack.db("admin")
    db.quarantine.insert_one(document)  # as a restored backup brings it
    try:
        told = json.loads(running.stack.lethe("quarantine", "replay", document["_id"], "--json").stdout)
        shown = running.stack.lethe("quarantine", "show", document["_id"], check=False)
    finally:
        db.quarantine.delete_one({"_id": document["_id"]})
    assert told == {"sent": 0, "unreadable": {"PuncturedError": 1}}
    assert shown.returncode == 1
    assert "destroyed by an erasure" in shown.stdout
    assert topic_ends() == ends


def test_an_erasure_finds_a_message_that_names_its_subject_second(running: LiveStream) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    running.send([(second.encode(), sendable(profile(first))[1])])
    running.check()
    (document,) = held(running, reason="key_mismatch", subject_ids=running.model.subject_id(second))
    assert document["subject_ids"] == [running.model.subject_id(each) for each in (first, second)]
    assert running.erase(second)["before"]["mongodb.quarantine"] == 1
    running.check()
    assert held(running, _id=document["_id"]) == []


class Held(TopicSenders):
    """Sends, and has it acknowledged, when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let = threading.Event(), threading.Event()

    def flush(self) -> None:
        self.reached.set()
        assert self.let.wait(30)
        super().flush()


def test_an_erasure_waits_for_a_replay_that_has_begun(running: LiveStream) -> None:
    """So that its tombstone comes after what was sent."""
    user_id = str(uuid.uuid4())
    running.send([sendable(profile(user_id, email="no"))])
    running.check()
    subject = subject_id(load_pepper(), user_id)
    (document,) = held(running, subject_ids=subject)
    senders, done = Held(), threading.Event()

    def erase() -> None:
        running.stack.db("eraser").quarantine.delete_many({"subject_ids": subject})
        done.set()

    sending = threading.Thread(target=replay, args=(running, document["_id"], senders))
    erasing = threading.Thread(target=erase)
    sending.start()
    assert senders.reached.wait(30)
    erasing.start()
    assert not done.wait(2.0), "the erasure did not wait"
    senders.let.set()
    sending.join(60)
    assert done.wait(60)
    erasing.join()
    # What was sent is refused again, before or after that deletion: either way nothing of it is left, nor expected.
    wait_until(running.has_read_everything, "the stream has read what was sent")
    running.stack.db("eraser").quarantine.delete_many({"subject_ids": subject})
    forget(running, document["_id"])
    take_topics(running.model)
    for reading in [each for each in running.model.readings.values() if each.user_id == user_id]:
        forget(running, place(reading))
    running.check()


def test_a_flood_of_bad_messages_stops_nothing_and_lets_good_ones_of_other_partitions_through(
    running: LiveStream,
) -> None:
    lease = leases.current(running.stack.db("auditor"))
    before = len(held(running))
    good = [sendable(profile()) for _ in range(3)]
    with Sender(client_settings("producer")) as sender:
        for number in range(FLOOD):
            sender.send(b"flood", b"{" + b"x" * 1_000 + b"%d" % number, partition=0)
        for key, value in good:
            sender.send(key, value, partition=1)

    def good_ones() -> int:
        return sum(user_of(running, (key or b"").decode()) for key, _ in good)

    wait_until(lambda: good_ones() == 2 * len(good), "the good ones are stored", 120)
    assert running.stack.db("auditor").quarantine.count_documents({}) - before < FLOOD, (
        "they came after the flood"
    )
    running.check()
    assert Counter(each["reason"] for each in held(running))["not_json"] >= FLOOD
    assert leases.current(running.stack.db("auditor")) == lease, "the driver was restarted"


def test_when_the_days_key_is_destroyed_what_names_nobody_can_be_read_no_more(running: LiveStream) -> None:
    keys = Keys(running.stack.paths)
    nobodys = held(running, subject_ids={"$exists": False}, payload={"$exists": True})[:5]
    somebodys = held(running, reason="bad_email", root={"$exists": True})[:5]
    assert all(isinstance(each, Content) for each in keys.open(nobodys + somebodys))
    in_a_week = datetime.now(UTC) + timedelta(days=8)
    assert datetime.now(UTC).date() in destroy_expired(load(), DayKeys(running.stack.paths), in_a_week)
    assert not any(isinstance(each, Content) for each in keys.open(nobodys))
    assert all(isinstance(each, Content) for each in keys.open(somebodys))
    running.send([(b"nobody", b"not json")])
    running.check()
    newest = max(held(running, subject_ids={"$exists": False}), key=lambda each: each["at"])
    assert isinstance(keys.open([newest])[0], Content)


def test_after_all_that_the_stores_are_what_the_model_says(running: LiveStream) -> None:
    assert_stores_equal(running.stack, running.model)
