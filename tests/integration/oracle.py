"""The stores against the model of what is in the topic and in the ledger: all of them, every column, exactly.

    model = new_model()
    assert_stores_equal(stack, model)       # once the stream has read everything

Differences name subjects by subject_id, and columns; never a value.
"""

import hmac
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from lethe.profiles.contract import Message
from lethe.profiles.enrichment import enrich
from lethe.profiles.parsing import parse
from lethe.profiles.rules import Rules
from lethe.profiles.validation import check
from lethe.protection.fields import open_blob
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper
from lethe.register.load import current
from lethe.stores.kafka import client_settings, end_offsets
from tests.integration.differences import SHOWN, Rows, differences, named, without
from tests.integration.live import LiveStack
from tests.model import Model, place
from tests.model_reading import Reading, ms

PROFILES = "cassandra.profiles"
UNSAID = ("write_time", "shard", "root", "moments", "minor")  # of a contribution, what no message says
READ_SECONDS = 60.0


def new_model() -> Model:
    """A model that knows nothing yet, with this installation's pepper and register."""
    register = current()
    return Model(
        load_pepper(),
        datetime.now(UTC),
        minimum_age=register.minimum_age,
        retention=register.profile_retention,
        policy_versions=register.policy_versions,
        purposes=register.purposes,
        column_purposes={
            column.name: column.purposes
            for column in (*register.stored_columns(PROFILES), *register.encrypted_columns(PROFILES))
            if set(column.purposes) <= register.consent_purposes()
        },
    )


# What the model is fed with


def take_topics(model: Model) -> None:
    """Feed the model with every record of both topics that it has not had, as the auditor reads them, as one round."""
    round_ = 1 + max((reading.round for reading in model.readings.values()), default=-1)
    after: dict[tuple[str, int], int] = {}
    for topic, partition, offset in model.readings:
        after[topic, partition] = max(after.get((topic, partition), 0), offset + 1)
    settings = {"group.id": "lethe-auditor-oracle", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**client_settings("auditor"), **settings, "auto.offset.reset": "earliest"})
    try:
        unread = {
            (topic, int(p))
            for topic, ends in end_offsets(client_settings("auditor")).items()
            for p, end in ends.items()
            if end > after.get((topic, int(p)), 0)
        }
        consumer.assign([TopicPartition(*place, after.get(place, 0)) for place in unread])
        now = datetime.now(UTC)
        while unread:
            for record in consumer.consume(10_000, timeout=0.2) or _nothing(consumer):
                if (error := record.error()) is not None:
                    if error.code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(error)
                    unread.discard((record.topic(), record.partition()))
                else:
                    model.feed(_message(record), now, round=round_)
    finally:
        consumer.close()


def _nothing(consumer: Consumer) -> list[Any]:
    """Wait for one record, with a bound."""
    record = consumer.poll(READ_SECONDS)
    assert record is not None, "Kafka did not give the rest of the topic"
    return [record]


def _message(record: Any) -> Message:
    return Message(
        record.topic(),
        record.partition(),
        record.offset(),
        record.timestamp()[1],
        record.key(),
        record.value(),
        record.headers(),
    )


def take_ledger(model: Model, stack: LiveStack) -> int:
    """Feed the model with the erasures on record; returns how many there were: a subject may have several."""
    names = {model.subject_id(user_id): user_id for user_id in _user_ids(model)}
    entries = list(stack.db("auditor").suppression.find())
    for entry in entries:
        if entry["_id"] in names:
            model.erase(names[entry["_id"]], entry["erased_at"], entry["ends"])
    return sum(entry["generation"] for entry in entries)


def _user_ids(model: Model) -> set[str]:
    found = {reading.user_id for reading in model.readings.values()}
    keys = {(reading.message.key or b"").decode("latin-1") for reading in model.readings.values()}
    return {user_id for user_id in found | keys if user_id and len(user_id) == 36}


# What the model says, in the shape of the stores


def expected_rows(model: Model) -> dict[str, dict[str, Any]]:
    """Every column of `profiles`, by subject_id.

    The model restates what matters for what stands; what is merely worked out of the message that stands
    (a region of a country, a band of an age) is lethe's own, which has tests of its own.
    """
    register = current()
    columns = [
        column.name for column in (*register.stored_columns(PROFILES), *register.encrypted_columns(PROFILES))
    ]
    rows = {}
    restated, lost = model.rows(), model.lost_columns()
    for user_id, reading in model.standing().items():
        subject = model.subject_id(user_id)
        row, worked_out = restated[subject], enrich(_profile(reading))
        rows[subject] = (
            {name: None if name in lost[subject] else worked_out[name] for name in columns}
            | {name: value for name, value in row.items() if name in columns}
            | {name: row[name] for name in ("event_time", "source_partition", "source_offset", "consents")}
            | {"event_time": ms(reading.event), "register_version": register.version}
        )
    return rows


def _profile(reading: Reading) -> Any:
    document = parse(reading.message)
    assert isinstance(document, dict)
    return check(document, reading.message, ms(datetime.now(UTC)), Rules.from_register(current()))


def expected_contributions(model: Model) -> dict[str, dict[str, Any]]:
    """Every field of `contributions` that the messages determine, by subject_id; the shard is not among them."""
    said = model.consent_states()
    expected: dict[str, dict[str, Any]] = {subject: {"consents": state} for subject, state in said.items()}
    for subject, (at, offset) in model.ended().items():
        expected[subject] = {"at": at, "offset": offset, "ended": True, "consents": said.get(subject, {})}
    standing = {model.subject_id(user_id): reading for user_id, reading in model.standing().items()}
    for subject, figures in model.contributions().items():
        expected[subject] = {
            "at": ms(standing[subject].event),
            "offset": standing[subject].message.offset,
            "counted": bool(figures),
            "consents": said.get(subject, {}),
            **figures,
        }
    return expected


ConsentRow = tuple[str, int, bool, str, bool]


def consent_differences(stack: LiveStack, model: Model) -> list[str]:
    """Consents on record that nobody gave, or given and not on record.

    Of who has returned after an erasure, those that count are on record; others may be.
    """
    held: dict[str, set[ConsentRow]] = {}
    for row in stack.cassandra("auditor").execute("SELECT * FROM consents"):
        at = ms(row.at.replace(tzinfo=UTC))
        entry = (row.purpose, at, row.granted, row.policy_version, row.by_guardian)
        held.setdefault(row.subject_id, set()).add(entry)
    told = []
    states = model.consent_states()
    for user_id, found in model.subjects().items():
        subject = model.subject_id(user_id)
        said = {
            (each["purpose"], ms(each["at"]), each["granted"], each["version"], each["by_guardian"])
            for each in found.said
            if each["purpose"] in model.declared.purposes
        }
        rows = held.pop(subject, set())
        counting = {
            (purpose, each[1], each[0], each[2], each[3]) for purpose, each in states.get(subject, {}).items()
        }
        needed = said if user_id not in model.erasures else counting
        # One key, two guardians' words: which of the two rows stays is the last writer's.
        if not _keys(needed) <= _keys(rows) or not rows <= said:
            told.append(f"cassandra.consents {subject}: {len(rows)} on record, {len(said)} given")
    return [*told[:SHOWN], *named("cassandra.consents: of nobody", held)]


def _keys(rows: set[ConsentRow]) -> set[tuple[str, int, bool, str]]:
    return {row[:4] for row in rows}


def expected_quarantine(model: Model) -> dict[str, dict[str, Any]]:
    """Reason and subjects by place."""
    kept = model.quarantine()
    return {
        name: {"reason": kept[name], "subject_ids": _named_by(model, reading)}
        for reading in model.readings.values()
        if (name := place(reading)) in kept
    }


def _named_by(model: Model, reading: Reading) -> list[str]:
    """The subjects whom a message names: itself, and by its key."""
    key = (reading.message.key or b"").decode("latin-1")
    keyed = key if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key) else None
    return [model.subject_id(name) for name in dict.fromkeys((reading.user_id, keyed)) if name]


def expected_cells(model: Model) -> dict[str, dict[str, int]]:
    """Counts by nationality and month of birth."""
    cells: dict[str, Counter[str]] = {}
    for figures in model.contributions().values():
        if figures:
            cells.setdefault(figures["nationality"], Counter())[figures["birth_month"]] += 1
    return {nationality: dict(months) for nationality, months in cells.items()}


# What the stores hold, as the auditor reads it


def held_rows(stack: LiveStack) -> dict[str, dict[str, Any]]:
    """Every row of `profiles` with every column, decrypted, by subject_id."""
    rows = {}
    keys, groups = subject_keys(stack.paths), current().groups(PROFILES)
    for found in stack.cassandra("auditor").execute("SELECT * FROM profiles"):
        row = found._asdict()
        row |= {
            "event_time": row["event_time"] and ms(row["event_time"].replace(tzinfo=UTC)),
            "consents": dict(row["consents"] or {}),
        }
        subject = row.pop("subject_id")
        for group in groups:
            blob = row.pop(group.name)
            row |= dict.fromkeys(column.name for column in group.columns)
            row |= open_blob(keys, subject, group.name, blob) if blob else {}
        rows[subject] = row
    return rows


def held_contributions(stack: LiveStack, model: Model) -> tuple[dict[str, dict[str, Any]], int]:
    """Contributions by subject_id, where the subject's key still tells whose they are; and how many tombstones."""
    found = {document.pop("_id"): document for document in stack.db("auditor").contributions.find()}
    tombstones = {name for name, each in found.items() if "erased_at" in each}
    names = _subjects_of_contributions(stack, model)
    return {names.get(name, name): each for name, each in found.items() if name not in tombstones}, len(
        tombstones
    )


def _subjects_of_contributions(stack: LiveStack, model: Model) -> dict[str, str]:
    """Name of a contribution -> subject_id, for everybody the model knows, as they would be written now."""
    ledger = {entry["_id"]: entry["generation"] for entry in stack.db("auditor").suppression.find()}
    subjects = sorted(model.subject_id(user_id) for user_id in _user_ids(model))
    derived = subject_keys(stack.paths).derive(subjects, [ledger.get(each, 0) for each in subjects])
    return {each.contribution_id: subject for each, subject in zip(derived, subjects, strict=True) if each}


def held_quarantine(stack: LiveStack) -> dict[str, dict[str, Any]]:
    """Reason and subjects by place."""
    return {
        document["_id"]: {"reason": document["reason"], "subject_ids": document.get("subject_ids", [])}
        for document in stack.db("auditor").quarantine.find()
    }


def held_cells(stack: LiveStack) -> dict[str, dict[str, int]]:
    """Counts by nationality and month of birth, added up over shards; zeros are left out."""
    cells: dict[str, Counter[str]] = {}
    for shard in stack.db("auditor").aggregate_shards.find():
        months = {month: n for month, n in shard.get("months", {}).items() if n}
        cells.setdefault(shard["nationality"], Counter()).update(months)
    return {
        nationality: kept
        for nationality, months in cells.items()
        if (kept := {month: n for month, n in months.items() if n})
    }


def held_figures(stack: LiveStack) -> dict[str, dict[str, Any]]:
    """The two views and the counts of subjects, each as it is read by others."""
    db = stack.db("auditor")
    counts = list(db.subject_counts.find())
    figures = {
        f"users_by_nationality {each['_id']}": {"users": each["users"], "average_age": each["average_age"]}
        for each in db.users_by_nationality.find()
    }
    for each in db.average_age.find():
        figures["average_age"] = {"users": each["users"], "average_age": each["average_age"]}
    return figures | {
        "subject_counts": {name: sum(each[name] for each in counts) for name in ("stored", "counted")}
    }


def expected_figures(model: Model) -> dict[str, dict[str, Any]]:
    """As `held_figures`; ages are those of today."""
    today = datetime.now(UTC).date()
    figures: dict[str, dict[str, Any]] = {
        f"users_by_nationality {nationality}": {"users": users, "average_age": age}
        for nationality, (users, age) in model.users_by_nationality(today).items()
    }
    if (everybody := model.average_age(today)) is not None:
        figures["average_age"] = {"users": everybody[0], "average_age": everybody[1]}
    stored = len(model.standing())
    return figures | {"subject_counts": {"stored": stored, "counted": stored - model.not_counted()}}


# The comparison


def assert_stores_equal(stack: LiveStack, model: Model) -> None:
    """Every store holds what the model of the topic and the ledger says, and nothing else."""
    take_topics(model)
    erased = take_ledger(model, stack)
    contributions, tombstones = held_contributions(stack, model)
    wanted, rows = expected_contributions(model), expected_rows(model)
    told = [
        *differences(PROFILES, held_rows(stack), rows),
        *differences("mongodb.contributions", without(contributions, *UNSAID), wanted),
        *consent_differences(stack, model),
        *index_differences(stack, rows),
        *differences("mongodb.quarantine", held_quarantine(stack), expected_quarantine(model)),
        *differences("mongodb.aggregate_shards", held_cells(stack), expected_cells(model)),
        *differences("figures", held_figures(stack), expected_figures(model)),
        *write_time_differences(stack, contributions),
    ]
    # One under each root's name, where an erasure came while a rotation had two.
    if not erased <= tombstones <= erased * subject_keys(stack.paths).state.current:
        told.append(f"mongodb.contributions: {tombstones} tombstones after {erased} erasures")
    assert not told, "\n".join(["the stores differ from the model:", *told])


def index_differences(stack: LiveStack, rows: Rows) -> list[str]:
    """Entries of the e-mail index that are not of the address of a row that stands, and rows without one."""
    key = bytes.fromhex((stack.paths.keys_dir / "email-index-key").read_text())
    wanted = {
        subject: hmac.new(key, b"lethe email index 1\0" + row["email"].encode(), "sha256").hexdigest()
        for subject, row in rows.items()
    }
    found = stack.cassandra("admin").execute("SELECT subject_id, mac FROM email_index")
    held = {row.subject_id: row.mac for row in found}
    return named(
        "cassandra.email_index: another value, or one too many or few", dict(wanted.items() ^ held.items())
    )


def write_time_differences(stack: LiveStack, contributions: Rows) -> list[str]:
    """Rows whose write time is not the one that MongoDB decided, or that do not end with their retention.

    A rotation raises the write time of the ciphertexts alone.
    """
    query = (
        "SELECT subject_id, WRITETIME(event_time) AS at, WRITETIME(sealed) AS sealed_at, TTL(event_time) AS ttl, "
        "TTL(sealed) AS sealed_ttl FROM profiles"
    )
    days = current().profile_retention.days + 30
    now_ms = ms(datetime.now(UTC))
    told = []
    for row in stack.cassandra("auditor").execute(query):
        held = contributions.get(row.subject_id, {})
        if "write_time" not in held:
            continue  # told as a difference of rows already
        written = max(row.at, row.sealed_at or 0)
        if not written == held["write_time"] >= held["at"] * 1000:
            told.append(f"{PROFILES} {row.subject_id}: not written at the time that MongoDB gave")
        left = [ttl for ttl in (row.ttl, row.sealed_ttl) if ttl is not None]
        if not left or any(
            abs(held["at"] + days * 86_400_000 - now_ms - ttl * 1000) > 600_000 for ttl in left
        ):
            told.append(f"{PROFILES} {row.subject_id}: does not end with its retention")
    return told[:SHOWN]
