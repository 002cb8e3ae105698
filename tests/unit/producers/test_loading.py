"""`lethe load`: good lines are sent, bad ones are named by number and reason, and nothing of them is shown."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from lethe.errors import InputError
from lethe.producers.faults import OF_DOCUMENTS
from lethe.producers.loading import Source, judge, load
from lethe.producers.simulation import Simulation
from lethe.profiles.contract import MAX_MESSAGE_BYTES, Profile, Refusal
from lethe.profiles.reasons import Reason
from lethe.register.load import current
from tests.unit.producers.topic import NOW, NOW_MS, RULES
from tests.unit.profiles.examples import ALICE, BOB, document

HEADER = "login.uuid,email,dob.date,registered.date,nat"
GOOD = f"{ALICE},zoe@example.org,1990-05-17,2015-03-02,NL"


class Loaded:
    """What came of a file: messages by key, and the notes."""

    def __init__(self, file: Path, *mapped: str, delimiter: str | None = None) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.notes: list[str] = []
        with Source(file, mapped, delimiter).open(current(), self.notes.append) as items:
            self.counts = load(items, RULES, self._send, self.notes.append)

    def _send(self, key: bytes, value: bytes) -> None:
        self.sent.append((key, orjson.loads(value)))


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_jsonl_file_goes_out_line_by_line_as_it_is(tmp_path: Path) -> None:
    one, two = document(), document(login={"uuid": BOB}, shoe_size=42)
    file = written(tmp_path, "a.jsonl", f"{json.dumps(one)}\n\n  {json.dumps(two)}\r\n")
    loaded = Loaded(file)
    assert loaded.sent == [(ALICE.encode(), one), (BOB.encode(), two)]
    assert (loaded.counts.accepted, loaded.counts.refused, loaded.notes) == (2, 0, [])


def test_bad_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [
        "{",
        "[]",
        json.dumps(document(email="secret-value")),
        "",
        json.dumps(document(picture={"large": "x" * MAX_MESSAGE_BYTES})),
        json.dumps(document()),
        json.dumps(document(login={"uuid": ALICE.upper()})),
        "null",
    ]
    loaded = Loaded(written(tmp_path, "a.ndjson", "\n".join(lines)))
    assert loaded.notes == [
        "line 1: not_json",
        "line 2: not_an_object",
        "line 3: bad_email",
        "line 5: too_large",
        "line 7: bad_login_uuid",
        "line 8: not_an_object",
    ]
    assert (loaded.counts.accepted, loaded.counts.refused) == (1, 6)


@pytest.mark.parametrize("reason", sorted(OF_DOCUMENTS))
def test_a_line_is_refused_for_the_reason_that_the_stream_would_give(reason: Reason) -> None:
    sent = [each for each in Simulation(900, NOW, RULES, faulty=0.3) if each.reason is reason]
    verdicts = [judge(each.value or b"", NOW_MS, RULES) for each in sent]
    assert len(verdicts) > 3
    assert {each.reason for each in verdicts if isinstance(each, Refusal)} == {reason}


def test_a_profile_without_event_time_is_as_late_as_its_sending() -> None:
    found = judge(orjson.dumps(document(event_time=None)), NOW_MS, RULES)
    assert isinstance(found, Profile)
    assert found.event_ms == NOW_MS


def test_a_csv_file_goes_out_as_profiles(tmp_path: Path) -> None:
    text = (
        "id;Mail;dob.date;registered.date;nat;name.last;consents.analytics.granted;consents.analytics.at;hobby\n"
        f'{ALICE};zoe@example.org;1990-05-17;2015-03-02;NL;"van; den Berg";no;2026-10-01T00:00:00Z;chess\n'
    )
    loaded = Loaded(written(tmp_path, "a.CSV", text), "id=login.uuid", "Mail=email", delimiter=";")
    ((key, profile),) = loaded.sent
    assert key == ALICE.encode()
    assert profile["name"] == {"last": "van; den Berg"}
    assert profile["consents"] == [{"purpose": "analytics", "granted": False, "at": "2026-10-01T00:00:00Z"}]
    assert loaded.notes == ["columns that give no field, and are not sent: 9"]


def test_bad_csv_lines_are_named_by_their_physical_number(tmp_path: Path) -> None:
    rows = [
        f"{HEADER},location.city",
        f'{GOOD},"two\nlines"',
        f'{GOOD},"x"y',
        f"{GOOD}",
        f"{GOOD},Delft,more",
        f"{GOOD.replace('NL', 'XX')},Delft",
        ",,,,,",
        f"{GOOD},{'x' * MAX_MESSAGE_BYTES}",
        f"{GOOD},Delft",
    ]
    loaded = Loaded(written(tmp_path, "a.csv", "\n".join(rows)))
    assert loaded.notes == [
        "line 4: not_csv",
        "line 5: not_csv",
        "line 6: not_csv",
        "line 7: bad_nationality",
        "line 8: bad_login_uuid",
        "line 9: too_large",
    ]
    assert [profile["location"]["city"] for _, profile in loaded.sent] == ["two\nlines", "Delft"]


def test_tabs_by_name(tmp_path: Path) -> None:
    text = f"{HEADER}\n{GOOD}\n".replace(",", "\t")
    for name in ("tab", "\\t", "\t"):
        assert Loaded(written(tmp_path, "a.csv", text), delimiter=name).counts.accepted == 1


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("", {}, "it has no header"),
        ('"a\n', {}, "it has no header"),
        (HEADER, {"delimiter": ",,"}, "--delimiter: expected one character, or tab"),
        (HEADER, {"delimiter": '"'}, "--delimiter: expected one character, or tab"),
        ("id,email\n", {}, "no column gives login.uuid, dob.date"),
    ],
)
def test_a_csv_file_of_no_use_is_refused_whole(
    tmp_path: Path, text: str, options: dict[str, str], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        Loaded(written(tmp_path, "a.csv", text), **options)


def test_a_name_says_what_a_file_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.xlsx: its name must end in .jsonl or .csv"):
        Loaded(written(tmp_path, "a.xlsx", ""))
    jsonl = written(tmp_path, "a.jsonl", "{}")
    for mapped, delimiter in ((("a=email",), None), ((), ";")):
        with pytest.raises(InputError, match="--map and --delimiter are for CSV"):
            Loaded(jsonl, *mapped, delimiter=delimiter)


def test_a_header_alone_is_a_file_of_nobody(tmp_path: Path) -> None:
    assert Loaded(written(tmp_path, "a.csv", HEADER)).counts.accepted == 0


def test_lines_are_read_as_they_are_sent(tmp_path: Path) -> None:
    file = written(tmp_path, "a.jsonl", "".join(f"{json.dumps(document())}\n" for _ in range(5_000)))
    with Source(file).open(current(), lambda _line: None) as items, file.open("rb") as stream:
        next(items)
        assert stream.read(1)
        assert sum(1 for _ in items) == 4_999
