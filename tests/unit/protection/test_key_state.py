"""The key state as a value: roots, epochs, its written form."""

import numpy as np
import pytest

from lethe.errors import KeyStateError
from lethe.protection.key_state import KeyState
from lethe.protection.key_tree import KeyTree

SEED, OTHER = bytes(range(16)), bytes(range(16, 32))
LEAVES = np.array([3, 2**63], dtype=np.uint64)


def state(*changes: str) -> KeyState:
    made = KeyState.new(SEED)
    for _ in changes:
        made = made.with_new_root(OTHER)
    return made


def test_the_first_state_has_one_root_of_which_nothing_is_punctured() -> None:
    first = KeyState.new(SEED)
    assert (first.epoch, first.current) == (1, 1)
    assert first.tree(1) == KeyTree.of_root(SEED)


def test_each_change_is_a_value_of_the_next_epoch_and_leaves_the_old_value_alone() -> None:
    first = KeyState.new(SEED)
    second = first.with_new_root(OTHER)
    third = second.puncture({1: LEAVES, 2: LEAVES})
    fourth = third.without_root(1)
    assert [each.epoch for each in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert [list(each.roots) for each in (first, second, third, fourth)] == [[1], [1, 2], [1, 2], [2]]
    assert second.tree(2).punctures == 0
    assert third.tree(2).punctures == 2
    assert third.current == fourth.current == 2


def test_puncturing_what_is_punctured_in_every_root_is_no_change() -> None:
    punctured = state("new root").puncture({1: LEAVES, 2: LEAVES})
    assert punctured.puncture({1: LEAVES, 2: LEAVES[:1]}) is punctured


def test_what_is_punctured_in_one_root_only_is_punctured_in_the_other() -> None:
    half = state("new root").puncture({1: LEAVES})
    whole = half.puncture({1: LEAVES, 2: LEAVES})
    assert whole.epoch == half.epoch + 1
    assert whole.tree(1) is half.tree(1)
    assert whole.tree(2).punctures == 2


def test_no_id_of_a_root_is_given_twice() -> None:
    third = state("new root").without_root(1).with_new_root(SEED)
    assert list(third.roots) == [2, 3]
    with pytest.raises(KeyStateError, match="in use for new rows"):
        third.without_root(3)


@pytest.mark.parametrize("root", [0, 1, 3])
def test_a_root_that_is_not_there_is_named(root: int) -> None:
    rotated = state("new root").without_root(1)
    for ask in (rotated.tree, rotated.without_root, lambda each: rotated.puncture({each: LEAVES})):
        with pytest.raises(KeyStateError, match=f"root {root} is not in the key state of epoch 3"):
            ask(root)


def test_ids_of_roots_end_with_an_error() -> None:
    last = KeyState(9, {2**32 - 1: KeyTree.of_root(SEED)})
    with pytest.raises(KeyStateError, match="the last"):
        last.with_new_root(OTHER)


def test_the_written_form_is_read_back() -> None:
    written = state("new root").puncture({2: LEAVES})
    read = KeyState.from_bytes(written.epoch, written.to_bytes())
    assert (read.epoch, list(read.roots.items())) == (written.epoch, list(written.roots.items()))
    assert read.to_bytes() == written.to_bytes()


def _form(*roots: int) -> bytes:
    tree = KeyTree.of_root(SEED).to_bytes()
    parts = [root.to_bytes(4, "big") + len(tree).to_bytes(8, "big") + tree for root in roots]
    return len(roots).to_bytes(4, "big") + b"".join(parts)


@pytest.mark.parametrize(
    "form",
    [b"", _form(), _form(0), _form(1, 1), _form(2, 1), _form(1) + b"x", _form(1)[:-1], _form(1, 2)[:40]],
)
def test_a_form_that_no_state_has_is_refused(form: bytes) -> None:
    with pytest.raises(KeyStateError, match="can't be read"):
        KeyState.from_bytes(1, form)


def test_nothing_of_the_seeds_is_shown() -> None:
    assert SEED.hex() not in repr(state("new root"))
    assert "seeds)" in repr(state("new root"))
