"""The state's file: it opens under its own key and for its own epoch, unaltered, and not else."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.errors import KeyStateError
from lethe.protection import state_file
from lethe.protection.key_state import KeyState

KEK = bytes(range(32))
STATE = KeyState.new(bytes(range(16)))
CONTENT = state_file.seal(KEK, STATE)


def test_it_is_read_back() -> None:
    read = state_file.unseal(KEK, 1, CONTENT)
    assert (read.epoch, read.to_bytes()) == (1, STATE.to_bytes())


def test_nothing_of_it_is_in_clear() -> None:
    assert STATE.tree(1).seeds.tobytes() not in CONTENT
    assert state_file.seal(KEK, STATE) != CONTENT


@settings(max_examples=200)
@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_noticed(at: int, bit: int) -> None:
    altered = bytearray(CONTENT)
    altered[at] ^= 1 << bit
    with pytest.raises(KeyStateError, match="epoch 1"):
        state_file.unseal(KEK, 1, bytes(altered))


@pytest.mark.parametrize("length", [0, 7, 8, 17, 29, 44, len(CONTENT) - 1])
def test_a_file_that_is_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(KeyStateError):
        state_file.unseal(KEK, 1, CONTENT[:length])


def test_another_epochs_state_or_key_is_refused() -> None:
    with pytest.raises(KeyStateError, match="epoch 2 says that it is of another"):
        state_file.unseal(KEK, 2, CONTENT)
    with pytest.raises(KeyStateError, match="does not authenticate"):
        state_file.unseal(os.urandom(32), 1, CONTENT)
    renumbered = CONTENT[:9] + (2).to_bytes(8, "big") + CONTENT[17:]
    with pytest.raises(KeyStateError, match="does not authenticate"):
        state_file.unseal(KEK, 2, renumbered)


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(KeyStateError, match="is of format 2; this Lethe reads 1"):
        state_file.unseal(KEK, 1, CONTENT[:8] + b"\x02" + CONTENT[9:])


def test_a_state_that_is_too_large_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "_GREATEST", len(STATE.to_bytes()) - 1)
    with pytest.raises(KeyStateError, match="rotate the keys"):
        state_file.seal(KEK, STATE)
