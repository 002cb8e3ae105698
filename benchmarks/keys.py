"""`python -m benchmarks.keys`: what subject keys cost. JSON on standard output, the same as a table on standard error.

Derivation a subject by batch size; fields sealed and opened a blob; subjects punctured at once, with the durable
write of the new state; with `--largest`, the state after a million punctures (5 GB of memory, several minutes).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import machine
from lethe.protection import fields
from lethe.protection.key_store import KeyStore
from lethe.protection.subject_keys import Derived, Subject, SubjectKeys, puncture
from lethe.settings import Paths

BATCHES = (1, 100, 4_000)
PUNCTURES = (1, 1_000, 100_000)
LARGEST = 1_000_000
BATCH = 4_000
LEAST_SECONDS = 1.0  # of repeating what is short
PEPPER = bytes(range(32))
REGISTER = "0123456789ab"
VALUES = {
    "title": "Ms",
    "first_name": "Anna",
    "last_name": "de Vries",
    "street": "Lange Nieuwstraat",
    "street_number": 106,
    "email": "anna.devries@example.org",
    "phone": "+31 30 555 0100",
    "user_id": "0b9f2c4e-7d11-4f6a-9a6e-2f1c3f0f7a10",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """The best of some repetitions, an item: µs on the clock, and of CPU."""

    what: str
    batch: int
    clock_us: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Punctured:
    """Puncturing so many subjects of a state of `before` punctures, in one epoch, durably; the state afterwards."""

    subjects: int
    before: int
    seconds: float
    cpu_seconds: float
    state_bytes: int
    load_seconds: float
    derive_us: float


def people(count: int) -> list[Subject]:
    """So many subjects."""
    digits = os.urandom(32 * count).hex()
    return [(digits[at : at + 64], 0) for at in range(0, 64 * count, 64)]


def cost(what: str, batch: int, work: Callable[[], object]) -> Cost:
    """What one item of a batch costs."""
    clock = cpu = float("inf")
    until = time.perf_counter() + LEAST_SECONDS
    while time.perf_counter() < until:
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        clock = min(clock, time.perf_counter() - began)
        cpu = min(cpu, time.process_time() - began_cpu)
    return Cost(what, batch, round(clock / batch * 1e6, 2), round(cpu / batch * 1e6, 2))


def batch_costs(keys: SubjectKeys, batch: int) -> list[Cost]:
    """Deriving; and what is asked of the derived."""
    ids, generations = (list(part) for part in zip(*people(batch), strict=True))

    def derived() -> list[Derived]:
        return [each for each in keys.derive(ids, generations) if each]

    return [
        cost("leaf and leaf seed", batch, derived),
        cost("the same, and the subject key", batch, lambda: [each.key for each in derived()]),
        cost(
            "the same, and the contribution's id",
            batch,
            lambda: [(each.key, each.contribution_id) for each in derived()],
        ),
    ]


def field_costs(keys: SubjectKeys, batch: int) -> list[Cost]:
    """Sealing and opening blobs; AES alone, with a cipher that is there, for comparison."""
    ids, generations = (list(part) for part in zip(*people(batch), strict=True))
    subjects = [keys.one(ids[0], 0)] * batch
    rows = [VALUES] * batch
    cipher, text = subjects[0].cipher, bytes(224)
    blobs = fields.seal_batch([keys.one(each, 0) for each in ids[:100]], "account", REGISTER, rows[:100])
    return [
        cost("AES-256-GCM alone", batch, lambda: [cipher.encrypt(b"x" * 12, text, b"a" * 54) for _ in rows]),
        cost("seal", batch, lambda: fields.seal_batch(subjects, "account", REGISTER, rows)),
        cost(
            "derive and seal",
            batch,
            lambda: fields.seal_batch(
                [each for each in keys.derive(ids, generations) if each], "account", REGISTER, rows
            ),
        ),
        cost("derive and open", 100, lambda: fields.open_batch(keys, ids[:100], "account", blobs)),
    ]


def punctured(store: KeyStore, count: int) -> Punctured:
    """Puncture so many subjects; then load the state as another process would."""
    before = sum(tree.punctures for tree in store.load().roots.values())
    subjects = people(count)
    began, began_cpu = time.perf_counter(), time.process_time()
    state = puncture(store, PEPPER, subjects)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    size = (store.folder / f"state-{state.epoch}").stat().st_size
    del state
    began = time.perf_counter()
    keys = SubjectKeys(store.load(), PEPPER)
    load_seconds = time.perf_counter() - began
    derive = batch_costs(keys, BATCH)[0].clock_us
    return Punctured(
        count, before, round(seconds, 3), round(cpu_seconds, 3), size, round(load_seconds, 3), derive
    )


def fresh_store(folder: Path) -> KeyStore:
    """A store in epoch 1."""
    store = KeyStore(Paths(home=folder / "data", keys_dir=folder / "keys"))
    store.create()
    return store


def table(costs: list[Cost], punctures: list[Punctured]) -> str:
    """Both as Markdown."""
    lines = ["| an item | in batches of | µs | µs of CPU |", "|---|---:|---:|---:|"]
    lines += [f"| {each.what} | {each.batch:,} | {each.clock_us} | {each.cpu_us} |" for each in costs]
    lines += [
        "",
        "| punctured at once | after | s | s of CPU | state, MB | load, s | derive, µs |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {each.subjects:,} | {each.before:,} | {each.seconds} | {each.cpu_seconds} | "
        f"{each.state_bytes / 1e6:.3f} | {each.load_seconds} | {each.derive_us} |"
        for each in punctures
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, and say the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", action="store_true", help=f"also a state of {LARGEST:,} punctures")
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure; default: the system's for temporary files"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        keys = SubjectKeys(fresh_store(Path(folder, "keys")).load(), PEPPER)
        costs = [each for batch in BATCHES for each in batch_costs(keys, batch)] + field_costs(keys, BATCH)
        punctures = [punctured(fresh_store(Path(folder, str(count))), count) for count in PUNCTURES]
        if arguments.largest:
            store = fresh_store(Path(folder, "largest"))
            punctures += [punctured(store, LARGEST), punctured(store, 1)]
    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "costs": [asdict(each) for each in costs],
        "punctures": [asdict(each) for each in punctures],
    }
    print(json.dumps(found, indent=1))
    print(table(costs, punctures), file=sys.stderr)


if __name__ == "__main__":
    main()
