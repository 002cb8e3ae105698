"""Replay, page by page: nothing leaves quarantine that is not acknowledged, and what is refused again is not met again.

The database here is a list of documents with transactions that are kept or thrown away; MongoDB's own part (conflicts,
commits) is tested with a real one.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lethe.errors import InputError, StoreError
from lethe.protection.day_keys import DayKeys
from lethe.protection.key_store import KeyStore
from lethe.protection.payloads import Content
from lethe.protection.pseudonym import load_pepper
from lethe.protection.subject_keys import SubjectKeys, puncture
from lethe.quarantine import replay as replaying
from lethe.quarantine.reading import Keys
from lethe.quarantine.replay import PAGE, Replay
from lethe.quarantine.selection import Selection
from lethe.settings import Paths
from lethe.stores.quarantine import documents
from tests.unit.protection.installation import ANNA, BODO
from tests.unit.stores.test_quarantine import refused

EVERYTHING = Selection()


class Cursor(list[dict[str, Any]]):
    def sort(self, name: str, _direction: int) -> "Cursor":
        return Cursor(sorted(self, key=lambda each: each[name]))

    def limit(self, number: int) -> "Cursor":
        return Cursor(self[:number])


class Database:
    """`quarantine`: as much of it as a replay asks for."""

    def __init__(self, held: list[dict[str, Any]]) -> None:
        self.held, self.quarantine = held, self

    def aggregate(self, _pipeline: object) -> Iterator[dict[str, Any]]:
        places = sorted({(each["topic"], each["partition"]) for each in self.held if "payload" in each})
        for topic, partition in places:
            part = [each for each in self.held if (each["topic"], each["partition"]) == (topic, partition)]
            part = [each for each in part if "payload" in each]
            yield {
                "_id": {"topic": topic, "partition": partition},
                "last_offset": max(each["offset"] for each in part),
                "count": len(part),
            }

    def find(self, query: dict[str, Any], session: object) -> Cursor:
        assert session is not None
        span = query["$and"][1]
        return Cursor(
            copy.deepcopy(each)
            for each in self.held
            if (each["topic"], each["partition"]) == (span["topic"], span["partition"])
            and span["offset"]["$gt"] < each["offset"] <= span["offset"]["$lte"]
            and "payload" in each
        )

    def delete_many(self, query: dict[str, Any], session: object) -> None:
        assert session is not None
        self.held[:] = [each for each in self.held if each["_id"] not in query["_id"]["$in"]]


class Kafka:
    """Takes messages; `fail_at` is the number of the page whose acknowledgement never comes."""

    def __init__(self, database: Database, fail_at: int | None = None) -> None:
        self.database, self.fail_at, self.pages = database, fail_at, 0
        self.sent: list[tuple[str, int, Content]] = []

    def send(self, topic: str, partition: int, content: Content) -> None:
        self.sent.append((topic, partition, content))

    def flush(self) -> None:
        self.pages += 1
        if self.pages == self.fail_at:
            raise StoreError("kafka: messages were not acknowledged")


@pytest.fixture(autouse=True)
def _transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client given to a Replay is its database: what a failed transaction did is undone."""

    def in_transaction(database: Database, work: Callable[[object], Any]) -> Any:
        before = copy.deepcopy(database.held)
        try:
            return work(object())
        except BaseException:
            database.held[:] = before
            raise

    monkeypatch.setattr(replaying, "in_transaction", in_transaction)


def held(paths: Paths, count: int, *subjects: str, reason: str = "bad_email") -> list[dict[str, Any]]:
    keys = SubjectKeys(KeyStore(paths).load(), load_pepper(paths))
    entries = [refused(reason, *subjects, offset=n, value=b"%d" % n, timestamp_ms=n) for n in range(count)]
    return documents(entries, keys, DayKeys(paths))


def run(database: Any, paths: Paths, kafka: Any, notes: list[int] | None = None) -> replaying.Outcome:
    return Replay(database, database, Keys(paths), kafka).run(
        EVERYTHING, (notes if notes is not None else []).append
    )


def test_all_are_sent_once_in_order_with_their_own_key_value_time_and_partition(paths: Paths) -> None:
    count = 2 * PAGE + 3
    database, notes = Database(held(paths, count, ANNA)), list[int]()
    kafka = Kafka(database)
    assert run(database, paths, kafka, notes).document() == {"sent": count, "unreadable": {}}
    assert kafka.sent == [("user_profiles", 1, Content(b"k", b"%d" % n, n)) for n in range(count)]
    assert (database.held, notes) == ([], [count])


def test_it_is_recorded_before_anything_is_opened_or_sent(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(held(paths, 1, ANNA))
    kafka = Kafka(database)
    monkeypatch.setattr(Keys, "open", lambda *_: pytest.fail("opened"))

    def refuse(_count: int) -> None:
        raise StoreError("the log does not answer")

    with pytest.raises(StoreError, match="the log does not answer"):
        Replay(database, database, Keys(paths), kafka).run(EVERYTHING, refuse)  # type: ignore[arg-type]
    assert (kafka.sent, len(database.held)) == ([], 1)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_what_kafka_does_not_acknowledge_stays_and_the_same_command_ends_it(paths: Paths, page: int) -> None:
    count = 2 * PAGE + 3
    database = Database(held(paths, count, ANNA))
    with pytest.raises(
        StoreError, match=rf"{(page - 1) * PAGE:,} were replayed before, the others are still"
    ):
        run(database, paths, Kafka(database, fail_at=page))
    assert [each["offset"] for each in database.held] == list(range((page - 1) * PAGE, count))
    kafka = Kafka(database)
    assert run(database, paths, kafka).sent == count - (page - 1) * PAGE
    assert database.held == []


def test_what_is_refused_again_meanwhile_is_not_sent_again(paths: Paths) -> None:
    first = held(paths, PAGE + 1, ANNA)
    database, again = Database(first), held(paths, 2 * PAGE, ANNA)[PAGE + 1 :]

    class Refusing(Kafka):
        def flush(self) -> None:
            super().flush()
            self.database.held.extend(again[:1])
            del again[:1]

    kafka = Refusing(database)
    assert run(database, paths, kafka).sent == PAGE + 1
    assert len(database.held) == 2


def test_of_an_erased_subject_nothing_is_sent(paths: Paths) -> None:
    mixed = held(paths, 3, ANNA) + [each | {"offset": each["offset"]} for each in held(paths, 6, BODO)[3:]]
    database = Database(mixed)
    puncture(KeyStore(paths), load_pepper(paths), [(ANNA, 0)])
    kafka = Kafka(database)
    assert run(database, paths, kafka).document() == {"sent": 3, "unreadable": {"PuncturedError": 3}}
    assert [content.value for _, _, content in kafka.sent] == [b"3", b"4", b"5"]
    assert [each["subject_ids"] for each in database.held] == [[ANNA]] * 3


def test_an_erasure_in_the_midst_of_a_replay_is_seen_by_the_next_page(paths: Paths) -> None:
    database = Database(held(paths, PAGE + 2, ANNA))

    class Erasing(Kafka):
        def flush(self) -> None:
            super().flush()
            puncture(KeyStore(paths), load_pepper(paths), [(ANNA, 0)])

    assert run(database, paths, Erasing(database)).document() == {
        "sent": PAGE,
        "unreadable": {"PuncturedError": 2},
    }


def test_what_has_no_payload_cannot_be_replayed(paths: Paths) -> None:
    database, notes = Database(held(paths, 2, ANNA, reason="under_age")), list[int]()
    with pytest.raises(InputError, match="nothing to replay"):
        run(database, paths, Kafka(database), notes)
    assert (notes, len(database.held)) == ([], 2)


def test_a_topic_that_is_not_lethes_is_never_written_to(paths: Paths) -> None:
    database = Database([held(paths, 1, ANNA)[0] | {"topic": "elsewhere"}])
    kafka = Kafka(database)
    with pytest.raises(StoreError, match="1 topics that are not Lethe's"):
        run(database, paths, kafka)
    assert kafka.sent == []
