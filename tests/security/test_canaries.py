"""Nothing personal in clear: made-up values that stand nowhere else are sent through the system, then looked for.

Every personal field of every message has a value of its own, valid and invalid messages alike. Afterwards no byte under
the installation's folders, no answer of its servers and no process argument may hold one of them, but for Kafka's log:
what stands there is bounded by compaction and retention. The search is shown to find what is there.
"""

import json
import random
import re
import string
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bson
import httpx
import psutil
import pytest

from lethe.settings import DashboardSettings, Paths, Ports, secret
from lethe.stack import leftovers
from lethe.stack.cassandra_options import JVM_OPTIONS
from lethe.stack.fetch import fetch
from tests.integration.live import LiveStack
from tests.integration.live_stream import LiveStream
from tests.integration.messages import Bytes, sendable, text_of
from tests.unit.profiles.examples import consent, document

PEOPLE = 500
TOOLS_SECONDS = 180


class Person:
    """Somebody with a value of their own in each personal field."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.user_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.canaries: list[str] = [self.user_id]

    def word(self, length: int = 14) -> str:
        """A word that stands nowhere else."""
        made = "q" + "".join(self.rng.choices(string.ascii_lowercase, k=length))
        self.canaries.append(made)
        return made

    def digits(self) -> str:
        made = "9" + "".join(self.rng.choices(string.digits, k=13))
        self.canaries.append(made)
        return made

    def profile(self, **changes: Any) -> dict[str, Any]:
        """A valid profile of nothing but canaries, but for what the register declares plain or generalised."""
        at = text_of(datetime.now(UTC) - timedelta(hours=1))
        return document(
            **{
                "name": {"title": self.word(), "first": self.word(), "last": self.word()},
                "location": {
                    "street": {"number": self.digits(), "name": self.word()},
                    "city": self.word(),
                    "coordinates": {"latitude": self.digits(), "longitude": self.digits()},
                },
                "email": f"{self.word()}@{self.word()}.example",
                "login": {
                    "uuid": self.user_id,
                    "username": self.word(),
                    **{name: self.word() for name in ("password", "salt", "md5", "sha1", "sha256")},
                },
                "phone": self.digits(),
                "cell": f"+{self.digits()}",
                "id": {"name": self.word(), "value": self.word()},
                "picture": {size: f"https://{self.word()}" for size in ("large", "medium", "thumbnail")},
                "consents": [consent(), consent(purpose="marketing")],
                "event_time": at,
            }
            | changes
        )


FAULTS: list[dict[str, Any]] = [
    {"nat": "XX"},
    {"dob": {"date": "yesterday"}},
    {"registered": {"date": "1890-01-01"}},
    {"consents": "none"},
    {"event_time": "2199-01-01T00:00:00Z"},
    {"dob": {"date": (datetime.now(UTC) - timedelta(days=14 * 365)).date().isoformat()}},
]


def messages(people: Iterable[Person]) -> Iterator[Bytes]:
    """Four valid ones of five; the fifth is faulty: in a field, as a whole, or under another's key."""
    for number, person in enumerate(people):
        fault = FAULTS[number // 5 % len(FAULTS)] if number % 5 == 0 else {}
        key, value = sendable(person.profile(**fault))
        if number % 35 == 1:
            value = (value or b"")[:-1]  # no JSON any more
        if number % 35 == 2:
            key = person.word().encode()
        yield key, value


@pytest.fixture(scope="module")
def canaries(stream: LiveStream) -> frozenset[bytes]:
    """What must be found nowhere, once the running system has taken everything in."""
    people = [Person(random.Random(f"canary {number}")) for number in range(PEOPLE)]
    stream.start()
    stream.send(messages(people))
    stream.check()
    stream.send(messages([Person(random.Random("canary 1"))]))  # an update
    stream.check()
    assert len(stream.model.standing()) > PEOPLE // 2
    assert len(stream.model.quarantine()) > PEOPLE // 10
    return frozenset(canary.encode() for person in people for canary in person.canaries)


# What a canary looks like; looked for at every place, so that no neighbour hides one.
SHAPE = re.compile(rb"(?=(q[a-z]{14}|9[0-9]{13}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))")


def hits(content: bytes, canaries: frozenset[bytes]) -> set[bytes]:
    """Which of them stand in the content: as they are, or in two bytes a character."""
    lowered = content.lower()
    found = set[bytes]()
    for view in (lowered, lowered[::2], lowered[1::2]):
        found.update(canaries.intersection(SHAPE.findall(view)))
    return found


def found_in(files: Iterable[Path], canaries: frozenset[bytes]) -> dict[str, int]:
    found = {}
    for file in files:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # the servers go on
        if number := len(hits(content, canaries)):
            found[str(file)] = number
    return found


def files_of(folder: Path, without: Path | None = None) -> list[Path]:
    return [
        file
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink() and (without is None or not file.is_relative_to(without))
    ]


def test_the_search_finds_what_is_there(stack: LiveStack, canaries: frozenset[bytes], tmp_path: Path) -> None:
    log = files_of(stack.paths.data / "kafka")
    assert sum(found_in(log, canaries).values()) >= PEOPLE
    (tmp_path / "planted").write_bytes(b"\x00\x01" + sorted(canaries)[7].upper() + b"\xff")
    assert found_in([tmp_path / "planted"], canaries) == {str(tmp_path / "planted"): 1}


def test_no_file_of_the_installation_but_kafkas_log_holds_one(
    stack: LiveStack, canaries: frozenset[bytes]
) -> None:
    looked_at = [
        *files_of(stack.paths.home, without=stack.paths.data / "kafka"),
        *files_of(stack.paths.keys_dir),
        *files_of(stack.paths.control),
    ]
    kinds = {
        file.relative_to(stack.paths.home).parts[0]
        for file in looked_at
        if file.is_relative_to(stack.paths.home)
    }
    assert {"airflow", "checkpoint", "data", "keys", "logs", "spark"} <= kinds
    assert found_in(looked_at, canaries) == {}


def test_no_table_of_cassandras_holds_one_in_its_own_dump(
    stack: LiveStack, canaries: frozenset[bytes]
) -> None:
    """SSTables are compressed: flushed, then dumped by Cassandra's own tool."""
    artifacts = fetch(Paths(), lambda _: None)
    opened = [option for option in JVM_OPTIONS if option.startswith("--add")]
    java = [str(artifacts.java), *opened, "-cp", f"{artifacts.cassandra_lib}/*"]
    login = ["-u", "admin", "-pwf", str(stack.paths.config / "cassandra" / "jmx.password")]
    address = ["-h", "127.0.0.1", "-p", str(Ports()["cassandra_jmx"])]
    run([*java, "org.apache.cassandra.tools.NodeTool", *address, *login, "flush", "lethe"])
    tables = sorted((stack.paths.data / "cassandra" / "data" / "lethe").rglob("*-Data.db"))
    assert {file.parent.name.split("-")[0] for file in tables} >= {"profiles", "consents"}
    config = f"-Dcassandra.config={(stack.paths.config / 'cassandra' / 'cassandra.yaml').as_uri()}"
    rows = 0
    for table in tables:
        dumped = run([java[0], config, *java[1:], "org.apache.cassandra.tools.SSTableExport", str(table)])
        rows += dumped.count(b'"partition"')
        assert hits(dumped, canaries) == set(), table
    assert rows >= PEOPLE // 2


def run(command: list[str]) -> bytes:
    ran = subprocess.run(command, capture_output=True, timeout=TOOLS_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def test_no_document_of_mongodbs_holds_one(stack: LiveStack, canaries: frozenset[bytes]) -> None:
    """WiredTiger's files are compressed: every document of every database, the oplog's too, as the server gives it."""
    client, documents = stack.mongo("admin"), 0
    for name in client.list_database_names():
        for collection in client[name].list_collection_names():
            if collection.startswith(("system.", "replset.")):
                continue  # the server's own: users, keys, versions, marks of replication; some nobody may read
            for document_ in client[name][collection].find():
                documents += 1
                assert hits(bson.encode(document_), canaries) == set(), f"{name}.{collection}"
    assert documents > PEOPLE


def test_no_process_argument_and_no_variable_holds_one(stack: LiveStack, canaries: frozenset[bytes]) -> None:
    programs = leftovers.programs(stack.paths)
    assert len(programs) >= 8
    for program in programs:
        try:
            told = json.dumps([program.cmdline(), program.environ()]).encode()
        except psutil.NoSuchProcess:
            continue
        assert hits(told, canaries) == set(), program.name()


def test_no_answer_of_the_dashboards_holds_one(stack: LiveStack, canaries: frozenset[bytes]) -> None:
    url = DashboardSettings().url
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as client:
        token = re.search(r'name="form_token" value="([^"]+)"', client.get("/login").text)
        assert token is not None
        client.post(
            "/login",
            data={
                "form_token": token[1],
                "user": "lethe",
                "password": secret("dashboard-login", stack.paths),
            },
        )
        for path in ("/", "/stream", "/_dash-layout", "/_dash-dependencies"):
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert hits(answer.content, canaries) == set(), path
