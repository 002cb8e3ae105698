"""The published test vectors: made by the slow form, and what the fast form gives."""

import hashlib
import json
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe.protection import fields, ggm
from lethe.protection.fields import Header
from lethe.protection.key_state import KeyState
from lethe.protection.key_tree import KeyTree
from lethe.protection.subject_keys import LeafNumbers, SubjectKeys, names_of
from tests.unit.protection import vectors

PUBLISHED: dict[str, Any] = json.loads(vectors.FILE.read_text(encoding="utf-8"))
BLOB = PUBLISHED["blob"]
PEPPER = bytes.fromhex(PUBLISHED["pepper"])
KEYS = SubjectKeys(KeyState(1, {1: KeyTree.of_root(bytes.fromhex(PUBLISHED["root_seed"]))}), PEPPER)


def test_they_are_what_the_slow_form_makes() -> None:
    assert vectors.FILE.read_text(encoding="utf-8") == vectors.text()


def test_the_generator() -> None:
    expected = PUBLISHED["generator"]
    seed = np.frombuffer(bytes.fromhex(expected["seed"]), dtype=np.uint8).reshape(1, 16)
    left, right = ggm.children(seed)
    assert (left.tobytes().hex(), right.tobytes().hex()) == (expected["left"], expected["right"])
    assert ggm.GENERATOR_KEY.hex() == expected["fixed_key"]
    assert hashlib.sha256(b"lethe ggm generator 1").hexdigest().startswith(expected["fixed_key"])


def test_every_subjects_leaf_seed_and_keys() -> None:
    assert len(PUBLISHED["subjects"]) == 6
    for expected in PUBLISHED["subjects"]:
        subject, generation = expected["subject_id"], expected["generation"]
        leaves = LeafNumbers(PEPPER).of(names_of([subject], [generation]))
        seeds, _ = KEYS.state.tree(1).leaf_seeds(leaves)
        derived = KEYS.one(subject, generation)
        assert expected == {
            "subject_id": subject,
            "generation": generation,
            "leaf": f"{int(leaves[0]):016x}",
            "leaf_seed": seeds.tobytes().hex(),
            "subject_key": derived.key.hex(),
            "contribution_id": derived.contribution_id,
            "audit_ref": derived.audit_ref,
        }


def test_the_blob_is_sealed_and_opened() -> None:
    header = Header(BLOB["root"], BLOB["generation"], BLOB["register_version"])
    key, nonce = bytes.fromhex(BLOB["subject_key"]), bytes.fromhex(BLOB["nonce"])
    sealed = fields.seal(key, header, BLOB["subject_id"], BLOB["group"], BLOB["values"], nonce=nonce)
    assert sealed.hex() == BLOB["blob"]
    assert fields.open_blob(KEYS, BLOB["subject_id"], BLOB["group"], sealed) == BLOB["values"]


def test_the_blob_opens_by_the_words_of_the_documentation_alone() -> None:
    """docs/protection.md, "The blob", read as a recipe; nothing of Lethe is used."""
    subject_id, group, blob = BLOB["subject_id"], BLOB["group"], bytes.fromhex(BLOB["blob"])
    key = bytes.fromhex(BLOB["subject_key"])

    assert blob[0] == 1
    nonce = blob[15:27]
    sealed = blob[27:]
    associated_data = blob[:15] + bytes.fromhex(subject_id) + group.encode("ascii")
    plaintext = AESGCM(key).decrypt(nonce, sealed, associated_data)
    values = json.loads(plaintext.decode("utf-8"))

    assert values == BLOB["values"]


def test_the_punctured_tree() -> None:
    expected = PUBLISHED["punctured_tree"]
    leaves = [int(leaf, 16) for leaf in expected["punctured_leaves"]]
    tree = KEYS.state.tree(1).puncture(np.array(leaves, dtype=np.uint64))
    assert expected["living"] == [
        {"start": f"{int(start):016x}", "depth": int(depth), "seed": seed.tobytes().hex()}
        for start, depth, seed in zip(tree.starts, tree.depths, tree.seeds, strict=True)
    ]
    assert tree.to_bytes().hex() == expected["serialised"]
    assert KeyTree.from_bytes(bytes.fromhex(expected["serialised"])) == tree
