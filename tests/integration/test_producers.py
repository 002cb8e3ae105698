"""`lethe simulate` and `lethe load` against the running system: what they say is what the stores come to hold."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lethe.errors import StoreError
from lethe.producers.sending import Sender
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.stores import cassandra
from lethe.stores.kafka import client_settings
from tests.integration.live import LiveStack, wait_until

SEED = 40_917  # whose people no other test sends
MEMBERS = ("5b0f5c1e-3f0e-4f7e-9a53-0d7f4b578f4c", "5b0f5c1e-3f0e-4f7e-9a53-0d7f4b578f4d")
HEADER = "member;Mail;dob.date;registered.date;nat"


@pytest.fixture(scope="module", autouse=True)
def _driver(stack: LiveStack) -> None:
    """A driver runs, whatever the tests before have left of it."""
    stack.supervisor.start("stream")


class Held(Counter[tuple[str, ...]]):
    """What the stores hold, as counts that can be subtracted."""

    @classmethod
    def of(cls, stack: LiveStack) -> "Held":
        db, held = stack.db(), cls()
        for counts in db.subject_counts.find():
            held["stored",] += counts["stored"]
            held["counted",] += counts["counted"]
        for cell in db.aggregate_shards.find():
            for month, count in cell["months"].items():
                held["users", cell["nationality"], month] += count
        for entry in db.quarantine.find():
            held["refused", entry["reason"]] += 1
        return held

    def since(self, before: "Held") -> dict[tuple[str, ...], int]:
        return {name: count - before[name] for name, count in self.items() if count != before[name]}


def expected_of(document: dict[str, Any]) -> dict[tuple[str, ...], int]:
    expected: dict[tuple[str, ...], int] = {
        ("stored",): document["stored"],
        ("counted",): document["counted"],
    }
    expected |= {("refused", reason): count for reason, count in document["quarantined"].items()}
    for code, months in document["birth_months"].items():
        expected |= {("users", code, month): count for month, count in months.items()}
    return expected


def is_stored(stack: LiveStack, user_id: str) -> bool:
    return cassandra.write_time(stack.cassandra("auditor"), subject_id(load_pepper(), user_id)) is not None


def test_the_stores_come_to_hold_what_a_simulation_says(stack: LiveStack, tmp_path: Path) -> None:
    file, before = tmp_path / "expected.json", Held.of(stack)
    options = ("--profiles", "300", "--seed", str(SEED), "--faulty", "0.1", "--expect", str(file))
    said = stack.lethe("simulate", *options).stdout
    document = json.loads(file.read_text())
    expected = expected_of(document)
    wait_until(lambda: Held.of(stack).since(before) == expected, "the figures of the simulation", 180)
    assert document["stored"] == 300 - document["sent_by_kind"].get("child_ended", 0)
    assert len(document["erasable"]) == 3
    for user_id in document["erasable"]:
        assert user_id in said
        assert is_stored(stack, user_id)


def test_a_file_is_loaded_but_for_its_bad_lines(stack: LiveStack, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    rows = [f"{user_id};a@example.org;1990-05-17;2015-03-02;NL" for user_id in MEMBERS]
    file.write_text("\n".join([HEADER, rows[0], rows[0].replace("NL", "XX"), rows[1]]))
    mapped = ("--delimiter", ";", "--map", "member=login.uuid", "--map", "Mail=email")
    assert stack.lethe("load", str(file), *mapped, "--dry-run", check=False).returncode == 1
    loaded = stack.lethe("load", str(file), *mapped, check=False)
    assert (loaded.returncode, loaded.stdout) == (1, "sent 2, refused 1\n")
    assert loaded.stderr == "line 3: bad_nationality\n"
    for user_id in MEMBERS:
        wait_until(lambda user_id=user_id: is_stored(stack, user_id), "a loaded profile")


@pytest.mark.usefixtures("stack")
def test_who_may_not_write_is_told_by_the_brokers_own_name_for_it() -> None:
    with (
        pytest.raises(StoreError, match=r"(?i)not (taken|acknowledged|reached) .*authorization.failed"),
        Sender(client_settings("auditor")) as sender,
    ):
        sender.send(b"nobody", b"{}")
