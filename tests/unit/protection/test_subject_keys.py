"""Keys and references of subjects: those of the slow form; gone once they are punctured."""

import hashlib
import hmac
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.errors import KeyStateError, PuncturedError
from lethe.protection.key_state import KeyState
from lethe.protection.subject_keys import Derived, LeafNumbers, SubjectKeys, _hmac, names_of, puncture
from lethe.settings import Paths
from tests.unit.protection import reference
from tests.unit.protection.installation import ANNA, BODO, CARL, paths_in, store_of

SEED, PEPPER = bytes(range(16)), bytes(range(32))
SUBJECT_ID = st.binary(min_size=32, max_size=32).map(bytes.hex)
GENERATION = st.integers(0, 2**32 - 1)
KEYS = SubjectKeys(KeyState.new(SEED), PEPPER)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = paths_in(tmp_path)
    store_of(made).create()
    return made


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(SUBJECT_ID, GENERATION), max_size=5))
def test_everything_derived_is_what_the_slow_form_derives(subjects: list[tuple[str, int]]) -> None:
    found = KEYS.derive([subject for subject, _ in subjects], [generation for _, generation in subjects])
    assert len(found) == len(subjects)
    for (subject, generation), derived in zip(subjects, found, strict=True):
        leaf = reference.leaf(PEPPER, subject, generation)
        expected = reference.keys(reference.below(SEED, reference.path_of(leaf)), subject, generation)
        assert derived is not None
        assert derived.key == derived.key == expected.key
        assert derived.contribution_id == expected.contribution_id
        assert derived.audit_ref == expected.audit_ref
        assert (derived.subject_id, derived.generation, derived.root) == (subject, generation, 1)


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=200))
def test_the_hmac_written_out_is_hmac(key: bytes, message: bytes) -> None:
    assert _hmac(key, message) == hmac.digest(key, message, hashlib.sha256)


@given(st.lists(st.tuples(SUBJECT_ID, GENERATION), max_size=8))
def test_leaves_are_those_of_the_slow_form(subjects: list[tuple[str, int]]) -> None:
    names = names_of([subject for subject, _ in subjects], [generation for _, generation in subjects])
    assert LeafNumbers(PEPPER).of(names).tolist() == [reference.leaf(PEPPER, *each) for each in subjects]


def test_subject_generation_root_and_pepper_each_change_everything() -> None:
    two_roots = SubjectKeys(KeyState.new(SEED).with_new_root(os.urandom(16)), PEPPER)
    derived = [
        two_roots.one(ANNA, 0, 1),
        two_roots.one(ANNA, 0, 2),
        two_roots.one(ANNA, 1, 1),
        two_roots.one(BODO, 0, 1),
        SubjectKeys(two_roots.state, bytes(32)).one(ANNA, 0, 1),
    ]
    values = [value for each in derived for value in (each.key.hex(), each.contribution_id, each.audit_ref)]
    assert len({*values}) == 3 * len(derived)


def test_new_rows_use_the_last_root() -> None:
    two_roots = SubjectKeys(KeyState.new(SEED).with_new_root(os.urandom(16)), PEPPER)
    assert two_roots.one(ANNA, 0).root == 2
    assert two_roots.one(ANNA, 0).key == two_roots.one(ANNA, 0, 2).key


def test_a_subject_whose_leaf_is_anothers_has_a_key_of_its_own() -> None:
    """At 64 bits two subjects may share a leaf, and with it the leaf's seed."""
    one, other = (Derived(1, name, bytes(16)) for name in names_of([ANNA, BODO], [0, 0]))
    assert len({one.key, other.key}) == 2
    assert one.contribution_id != other.contribution_id
    assert one.audit_ref != other.audit_ref


def test_a_batch_with_punctured_subjects_gives_the_others_unchanged(paths: Paths) -> None:
    store = store_of(paths)
    before = SubjectKeys(store.load(), PEPPER)
    after = SubjectKeys(puncture(store, PEPPER, [(BODO, 0)]), PEPPER)
    first, gone, last = after.derive([ANNA, BODO, CARL], [0, 0, 0])
    assert gone is None
    assert first is not None
    assert last is not None
    assert [first.key, last.key] == [before.one(ANNA, 0).key, before.one(CARL, 0).key]


def test_asking_for_a_punctured_subject_is_an_error_that_names_nobody(paths: Paths) -> None:
    keys = SubjectKeys(puncture(store_of(paths), PEPPER, [(ANNA, 0)]), PEPPER)
    with pytest.raises(PuncturedError) as refusal:
        keys.one(ANNA, 0)
    assert ANNA not in str(refusal.value)


def test_a_returner_has_a_new_key(paths: Paths) -> None:
    store = store_of(paths)
    before = SubjectKeys(store.load(), PEPPER).one(ANNA, 0)
    after = SubjectKeys(puncture(store, PEPPER, [(ANNA, 0)]), PEPPER).one(ANNA, 1)
    assert before.key != after.key
    assert before.contribution_id != after.contribution_id


def test_a_puncture_reaches_every_root_in_one_epoch(paths: Paths) -> None:
    store = store_of(paths)
    store.new_root()
    state = puncture(store, PEPPER, [(ANNA, 0), (BODO, 3), (ANNA, 0)])
    assert state.epoch == 3
    for root in (1, 2):
        assert SubjectKeys(state, PEPPER).derive([ANNA, BODO, BODO], [0, 3, 0], root)[:2] == [None, None]
        assert SubjectKeys(state, PEPPER).one(BODO, 0, root)


def test_puncturing_again_or_nobody_makes_no_epoch(paths: Paths) -> None:
    store = store_of(paths)
    assert puncture(store, PEPPER, [(ANNA, 0), (BODO, 0)]).epoch == 2
    assert puncture(store, PEPPER, [(BODO, 0)]).epoch == 2
    assert puncture(store, PEPPER, []).epoch == 2
    assert puncture(store, PEPPER, iter([(BODO, 0), (CARL, 0)])).epoch == store.epoch() == 3


def test_an_unknown_root_is_an_error() -> None:
    with pytest.raises(KeyStateError, match="root 9 is not in the key state of epoch 1"):
        KEYS.derive([ANNA], [0], 9)


@pytest.mark.parametrize(
    ("subject_ids", "generations", "error"),
    [
        ([ANNA], [], ValueError),
        ([ANNA[:-2]], [0], ValueError),
        ([ANNA[:-2], ANNA + "00"], [0, 0], ValueError),
        (["x" * 64], [0], ValueError),
        ([" " * 64], [0], ValueError),
        ([ANNA], [-1], OverflowError),
        ([ANNA], [2**32], OverflowError),
    ],
)
def test_what_is_no_subject_is_refused_without_being_repeated(
    subject_ids: list[str], generations: list[int], error: type[Exception]
) -> None:
    with pytest.raises(error) as refusal:
        KEYS.derive(subject_ids, generations)
    assert ANNA[:8] not in str(refusal.value)


def test_keys_are_neither_shown_nor_pickled() -> None:
    derived = KEYS.one(ANNA, 0)
    assert derived.key.hex() not in repr(derived)
    assert derived._seed.hex() not in repr(derived)
    for secret in (derived, KEYS):
        with pytest.raises((KeyStateError, TypeError)):
            pickle.dumps(secret)


def test_a_batch_of_nobody_is_empty() -> None:
    assert KEYS.derive([], []) == []
