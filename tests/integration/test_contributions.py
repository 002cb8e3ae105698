"""Contributions and aggregates on a real replica set: exact whatever the order, the repetition or the race."""

import random
import threading
import uuid
from collections.abc import Iterator

import pytest

from lethe.errors import FencedError
from lethe.profiles.contract import Profile
from lethe.stores import contributions, suppression
from lethe.stores.contributions import Change, Entry
from lethe.stream import lease as leases
from lethe.stream.lease import Lease
from tests.entries import READING, analytics, figures_of, outcome, profile
from tests.entries import entry as entry_of
from tests.integration.live import LiveStack

SHARDS = 2


class Store:
    """A database of its own on the live server, with nothing in it."""

    def __init__(self, stack: LiveStack) -> None:
        self.client = stack.mongo("admin")
        self.db = self.client[f"test_{uuid.uuid4().hex[:12]}"]
        self.lease = leases.take(self.client, self.db, "test", SHARDS)

    def change(self, *entries: Entry, shard: int = 0, lease: Lease | None = None) -> list[Change]:
        held = lease or self.lease
        return contributions.apply(self.client, self.db, held, shard, entries, reading=READING)

    def apply(self, *entries: Entry, shard: int = 0, lease: Lease | None = None) -> dict[str, str]:
        changes = self.change(*entries, shard=shard, lease=lease)
        return {each.names[0]: outcome(change) for each, change in zip(entries, changes, strict=True)}

    def cells(self) -> dict[tuple[str, str], int]:
        """(nationality, birth month) -> how many, added up over shards, zeros left out."""
        total: dict[tuple[str, str], int] = {}
        for cell in self.db.aggregate_shards.find():
            for month, count in cell["months"].items():
                key = (cell["nationality"], month)
                total[key] = total.get(key, 0) + count
        return {key: count for key, count in total.items() if count}

    def subjects(self) -> tuple[int, int]:
        """How many are stored, how many of them counted."""
        held = list(self.db.subject_counts.find())
        return sum(doc["stored"] for doc in held), sum(doc["counted"] for doc in held)


@pytest.fixture
def store(stack: LiveStack) -> Iterator[Store]:
    made = Store(stack)
    yield made
    made.client.drop_database(made.db.name)


def entry(
    subject: str, event_ms: int, offset: int, nationality: str | None = "NL", month: str = "1990-05"
) -> Entry:
    """One profile; without a nationality, of somebody who withdraws their consent to be counted."""
    if nationality is not None:
        return entry_of(subject, profile(event_ms, offset, nationality, month))
    said = (analytics(event_ms, granted=False),)
    return entry_of(subject, profile(event_ms, offset, "DE", month, said))


def test_a_contribution_is_counted_once_however_often_it_is_applied(store: Store) -> None:
    for _ in range(3):
        assert store.apply(entry("a", 1_000, 1)) == {"a": "stored"}
    assert store.cells() == {("NL", "1990-05"): 1}
    assert store.subjects() == (1, 1)


def test_an_earlier_event_that_comes_late_changes_nothing(store: Store) -> None:
    store.apply(entry("a", 2_000, 2, "NL"))
    assert store.apply(entry("a", 1_000, 9, "FR")) == {"a": "superseded"}
    assert store.cells() == {("NL", "1990-05"): 1}


def test_of_equal_event_times_the_greater_offset_stands_and_is_written_later(store: Store) -> None:
    (first,) = store.change(entry("a", 1_000, 899, "NL"))
    (second,) = store.change(entry("a", 1_000, 900, "FR"))
    assert second.write_time > first.write_time
    assert store.cells() == {("FR", "1990-05"): 1}


def test_a_move_to_another_country_takes_from_one_cell_and_adds_to_the_other(store: Store) -> None:
    store.apply(entry("a", 1_000, 1, "NL"), entry("b", 1_000, 2, "NL"))
    store.apply(entry("a", 2_000, 3, "JP"), shard=1)
    assert store.cells() == {("NL", "1990-05"): 1, ("JP", "1990-05"): 1}


def test_a_subject_without_consent_is_stored_and_not_counted(store: Store) -> None:
    store.apply(entry("a", 1_000, 1, None), entry("b", 1_000, 2))
    assert store.subjects() == (2, 1)
    assert store.cells() == {("NL", "1990-05"): 1}
    store.apply(entry("b", 2_000, 3, None))
    assert store.subjects() == (2, 0)
    assert store.cells() == {}


def test_an_erasure_repairs_the_aggregates_and_leaves_a_tombstone(store: Store) -> None:
    store.apply(entry("a", 1_000, 1))
    held = contributions.erase(store.client, store.db, "a", 5_000_000)
    assert held is not None
    assert held["nationality"] == "NL"
    assert store.cells() == {}
    assert store.subjects() == (0, 0)
    assert store.db.contributions.find_one({"_id": "a"}) == {"_id": "a", "erased_at": 5_000_000}
    assert store.db.aggregate_shards.find_one({"months.1990-05": {"$exists": True}}) is None


def test_an_erasure_done_twice_takes_away_once(store: Store) -> None:
    store.apply(entry("a", 1_000, 1), entry("b", 1_000, 2))
    assert contributions.erase(store.client, store.db, "a", 5_000_000) is not None
    assert contributions.erase(store.client, store.db, "a", 5_000_000) is None
    assert store.cells() == {("NL", "1990-05"): 1}


def test_the_tombstone_of_a_subject_who_was_never_held_stops_a_batch_in_flight(store: Store) -> None:
    contributions.erase(store.client, store.db, "a", 5_000_000)
    assert store.apply(entry("a", 4_000, 1)) == {"a": "suppressed"}
    assert store.cells() == {}


def test_what_comes_under_the_name_of_an_erased_contribution_never_stands(store: Store) -> None:
    contributions.erase(store.client, store.db, "a", 5_000_000)
    assert store.apply(entry("a", 6_000, 1)) == {"a": "suppressed"}
    assert store.cells() == {}


def test_a_withdrawal_takes_out_of_the_figures_and_a_later_grant_waits_for_the_rows_figures(
    store: Store,
) -> None:
    store.apply(entry("a", 1_000, 1))
    (withdrawn,) = store.change(entry_of("a", consents=(analytics(2_000, granted=False),)))
    assert (store.subjects(), store.cells()) == ((1, 0), {})
    assert (withdrawn.is_new, withdrawn.is_owed, withdrawn.write_time) == (True, False, 1_000_001)
    (granted,) = store.change(entry_of("a", consents=(analytics(3_000),)))
    assert granted.is_owed
    figures = figures_of(profile(1_000, 1))
    store.change(entry_of("a", row=((999, 1), figures)))
    assert store.cells() == {}, "the figures are those of another profile"
    store.change(entry_of("a", row=((1_000, 1), figures)))
    assert (store.subjects(), store.cells()) == ((1, 1), {("NL", "1990-05"): 1})


def test_a_consent_that_comes_before_the_profile_counts_it(store: Store) -> None:
    store.change(entry_of("a", consents=(analytics(1_000),)))
    assert store.subjects() == (0, 0)
    store.apply(entry_of("a", profile(2_000, 1, consents=())))
    assert store.subjects() == (1, 1)


def test_a_row_ends_with_its_childs_guardians_consent_and_an_older_profile_does_not_bring_it_back(
    store: Store,
) -> None:
    guardian = analytics(1_000)._replace(by_guardian=True)
    store.change(entry_of("a", profile(1_000, 5, consents=(guardian,), under_age=True)))
    assert store.subjects() == (1, 1)
    (ended,) = store.change(entry_of("a", consents=(analytics(2_000, granted=False),)))
    assert ended.settled is not None
    assert not ended.settled.held.stands
    assert (store.subjects(), store.cells()) == ((0, 0), {})
    store.apply(entry_of("a", profile(900, 9)))
    assert store.subjects() == (0, 0)
    assert contributions.erase(store.client, store.db, "a", 5_000_000) is not None
    assert store.subjects() == (0, 0)


def test_a_contribution_is_found_under_an_older_roots_name_and_moves_to_the_new_one(store: Store) -> None:
    store.apply(entry("old", 1_000, 1))
    store.change(Entry(("new", "old"), (), [profile(2_000, 2)]))
    assert [each["_id"] for each in store.db.contributions.find()] == ["new"]
    assert store.subjects() == (1, 1)


def test_a_driver_that_was_taken_over_changes_nothing(store: Store) -> None:
    old = store.lease
    leases.take(store.client, store.db, "successor", SHARDS)
    with pytest.raises(FencedError):
        store.apply(entry("a", 1_000, 1), lease=old)
    assert store.cells() == {}


@pytest.mark.parametrize("seed", range(3))
def test_any_order_with_repetitions_and_two_writers_at_once_ends_as_if_in_order(
    store: Store, seed: int
) -> None:
    rng = random.Random(seed)
    subjects = [f"s{n}" for n in range(20)]
    entries = [
        entry(rng.choice(subjects), rng.randrange(1, 30) * 1_000, offset, rng.choice(["NL", "FR", None]))
        for offset in range(400)
    ]
    profiles: dict[str, Profile] = {}
    said: dict[str, tuple[int, bool]] = {}
    for one in entries:
        (found,), name = one.profiles, one.names[0]
        if name not in profiles or (found.event_ms, found.offset) > (
            profiles[name].event_ms,
            profiles[name].offset,
        ):
            profiles[name] = found
        # the latest counts; of equal times the withdrawal
        said[name] = max(said.get(name, (0, False)), (found.consents[0].at_ms, not found.consents[0].granted))
    rng.shuffle(entries)
    work = entries + rng.sample(entries, 100)
    failures: list[BaseException] = []

    def write(part: list[Entry], shard: int) -> None:
        try:
            for start in range(0, len(part), 7):
                together: dict[str, list[Profile]] = {}
                for one in part[start : start + 7]:
                    together.setdefault(one.names[0], []).extend(one.profiles)
                store.apply(*(entry_of(name, *found) for name, found in together.items()), shard=shard)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(work[n::2], n)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    cells: dict[tuple[str, str], int] = {}
    for name, found in profiles.items():
        if not said[name][1]:
            key = (found.nationality, "1990-05")
            cells[key] = cells.get(key, 0) + 1
    assert store.cells() == cells
    assert store.subjects() == (len(profiles), sum(cells.values()))


def test_versions_of_the_suppression_ledger_become_visible_in_order(store: Store) -> None:
    def enter(part: range) -> None:
        for n in part:
            suppression.enter(store.client, store.db, f"{n:064x}", n, {}, generation=1)

    threads = [threading.Thread(target=enter, args=(range(k * 20, k * 20 + 20),)) for k in range(3)]
    for thread in threads:
        thread.start()
    ledger = suppression.Ledger()
    while any(thread.is_alive() for thread in threads):
        ledger.refresh(store.db)
    for thread in threads:
        thread.join()
    ledger.refresh(store.db)
    assert len(ledger) == 60
    assert ledger.version == 60


def test_an_entry_repeated_with_nothing_newer_keeps_its_version(store: Store) -> None:
    first = suppression.enter(store.client, store.db, "0" * 64, 10, {"t": {"0": 5}}, generation=1)
    assert suppression.enter(store.client, store.db, "0" * 64, 9, {"t": {"0": 4}}, generation=1) == first
    assert suppression.enter(store.client, store.db, "0" * 64, 9, {"t": {"0": 6}}, generation=1) == first + 1
    assert suppression.enter(store.client, store.db, "0" * 64, 9, {}, generation=2) == first + 2
    assert suppression.version(store.db) == first + 2
    assert suppression.generation(store.db, "0" * 64) == 2
    assert suppression.generation(store.db, "1" * 64) == 0


def test_the_ledger_finds_the_suppressed_among_many(store: Store) -> None:
    for n in (3, 1, 2):
        suppression.enter(store.client, store.db, f"{n:064x}", n * 100, {"t": {"0": n}}, generation=n)
    ledger = suppression.Ledger()
    ledger.refresh(store.db)
    found = ledger.lookup([f"{n:064x}" for n in (2, 4, 1)])
    assert found == {f"{2:064x}": (200, {"t": {"0": 2}}, 2), f"{1:064x}": (100, {"t": {"0": 1}}, 1)}
