"""Makes docs/vectors/subject-keys.json from the slow reference: `python -m tests.unit.protection.vectors`."""

import hashlib
import json
from typing import Any

from lethe.settings import PROJECT
from tests.unit.protection import reference

FILE = PROJECT / "docs" / "vectors" / "subject-keys.json"
PEPPER = bytes(range(32))
ROOT, ROOT_SEED = 1, bytes(range(0xF0, 0x100))
SUBJECTS = [hashlib.sha256(f"subject {number}".encode()).hexdigest() for number in range(3)]
NONCE = bytes(range(0xA0, 0xAC))
VALUES = {"first_name": "Zoë", "email": "zoe@example.org", "birth_date": "1990-02-28", "street_number": 7}


def _subject(subject_id: str, generation: int) -> dict[str, Any]:
    leaf = reference.leaf(PEPPER, subject_id, generation)
    seed = reference.below(ROOT_SEED, reference.path_of(leaf))
    keys = reference.keys(seed, subject_id, generation)
    return {
        "subject_id": subject_id,
        "generation": generation,
        "leaf": f"{leaf:016x}",
        "leaf_seed": seed.hex(),
        "subject_key": keys.key.hex(),
        "contribution_id": keys.contribution_id,
        "audit_ref": keys.audit_ref,
    }


def _generator() -> dict[str, str]:
    return {
        "fixed_key": reference.FIXED_KEY.hex(),
        "seed": ROOT_SEED.hex(),
        "left": reference.child(ROOT_SEED, "0").hex(),
        "right": reference.child(ROOT_SEED, "1").hex(),
    }


def _blob() -> dict[str, Any]:
    place = reference.Place(ROOT, 0, "0123456789ab", SUBJECTS[0], "account_fields")
    seed = reference.below(ROOT_SEED, reference.path_of(reference.leaf(PEPPER, SUBJECTS[0], 0)))
    key = reference.keys(seed, SUBJECTS[0], 0).key
    return {
        "subject_id": place.subject_id,
        "generation": place.generation,
        "root": place.root,
        "register_version": place.register_version,
        "group": place.group,
        "subject_key": key.hex(),
        "nonce": NONCE.hex(),
        "values": VALUES,
        "plaintext": reference.plaintext(VALUES).decode(),
        "associated_data": place.associated_data().hex(),
        "blob": reference.blob(key, place, VALUES, NONCE).hex(),
    }


def _punctured() -> dict[str, Any]:
    tree = reference.Tree({"": ROOT_SEED})
    leaves = [reference.leaf(PEPPER, subject, 0) for subject in SUBJECTS[1:]]
    for leaf in leaves:
        tree.puncture(leaf)
    return {
        "punctured_leaves": [f"{leaf:016x}" for leaf in leaves],
        "living": [
            {"start": f"{start:016x}", "depth": depth, "seed": seed.hex()}
            for start, depth, seed in tree.rows()
        ],
        "serialised": tree.to_bytes().hex(),
    }


def vectors() -> dict[str, Any]:
    """All of the file; bytes and leaves are hex digits."""
    return {
        "generator": _generator(),
        "pepper": PEPPER.hex(),
        "root": ROOT,
        "root_seed": ROOT_SEED.hex(),
        "subjects": [_subject(subject, generation) for subject in SUBJECTS for generation in (0, 1)],
        "blob": _blob(),
        "punctured_tree": _punctured(),
    }


def text() -> str:
    """The file's content."""
    return json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
