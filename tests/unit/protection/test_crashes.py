"""Killed before any line of a change: the old state or the new one is there, and asking again ends in the new one."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lethe import durable_files
from lethe.protection import (
    ggm,
    kek,
    key_state,
    key_store,
    key_tree,
    keys_folder,
    state_file,
    subject_keys,
)
from lethe.protection.key_state import KeyState
from lethe.settings import Paths
from tests.unit.protection.installation import (
    ANNA,
    BODO,
    copied,
    erase,
    every_state,
    opens,
    paths_in,
    sealed,
    store_of,
)
from tests.unit.protection.killed import contents, killed_before, lines_that_see

LONG = os.environ.get("LETHE_TEST_LENGTH") == "long"
WITH_EFFECTS = (durable_files, kek, key_state, key_store, keys_folder, state_file, subject_keys)
WITHOUT_EFFECTS = (ggm, key_tree)  # thousands of lines: looked at in between, not killed at
MODULES = WITH_EFFECTS if LONG else (*WITH_EFFECTS, *WITHOUT_EFFECTS)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that the system has taken; what a power failure needs, other tests see."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """An installation with two roots, in epoch 2."""
    folder = tmp_path / "before"
    store_of(paths_in(folder)).create()
    store_of(paths_in(folder)).new_root()
    return folder


@pytest.fixture
def blobs(before: Path) -> dict[tuple[str, int], bytes]:
    """By subject and root."""
    state = store_of(paths_in(before)).load()
    return {(person, root): sealed(state, person, root) for person in (ANNA, BODO) for root in (1, 2)}


def kill_points(template: Path, action: Callable[[Paths], object], every_line: bool = LONG) -> Iterator[Path]:
    """A copy of the template for each kill, in which the action was killed there; at last one where it ended.

    Every line at full length; else one line for each state that the files pass through.
    """
    folder = template.with_name("now")
    _fresh(template, folder)
    paths = paths_in(folder)
    different, last = lines_that_see(folder, lambda: action(paths), MODULES)
    for line in [*(range(1, last + 1) if every_line else different), last + 1]:
        _fresh(template, folder)
        assert killed_before(line, lambda: action(paths), MODULES) is (line <= last)
        yield folder


def _fresh(template: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    copied(template, folder)


def readable(state: KeyState, blobs: dict[tuple[str, int], bytes], person: str) -> set[bool]:
    """Whether the person's blobs can be read: both the same, or it is neither the old state nor the new one."""
    return {opens(state, each, blob) for (each, _), blob in blobs.items() if each == person}


def alone(paths: Paths, epoch: int) -> bool:
    """Whether nothing is left but this epoch's files."""
    found = {file.name for folder in (paths.home / "keys", paths.keys_dir) for file in folder.iterdir()}
    return found - {"key-state.lock"} == {f"kek-{epoch}", f"state-{epoch}"}


def test_a_puncture_that_is_killed_anywhere_leaves_the_old_state_or_the_new_one(
    before: Path, blobs: dict[tuple[str, int], bytes], tmp_path: Path
) -> None:
    seen = []
    for folder in kill_points(before, lambda paths: erase(paths, ANNA)):
        paths = paths_in(folder)
        found = store_of(paths).load()
        assert readable(found, blobs, BODO) == {True}
        assert readable(found, blobs, ANNA) == {found.epoch == 2}
        assert store_of(paths).epoch() == found.epoch
        seen.append(found.epoch)
        killed = copied(folder, tmp_path / "killed")

        assert erase(paths, ANNA).epoch == 3
        assert alone(paths, 3)
        copies = [each / "data" for each in (before, killed, folder)]
        for state in every_state(copies, [paths.keys_dir]):
            assert readable(state, blobs, ANNA) == {False}
            assert readable(state, blobs, BODO) == {True}
        shutil.rmtree(killed)
    assert seen == sorted(seen)
    assert set(seen) == {2, 3}


def test_a_puncture_that_returned_needs_no_second_call(
    before: Path, blobs: dict[tuple[str, int], bytes]
) -> None:
    folder = copied(before, before.with_name("now"))
    erase(paths_in(folder), ANNA)
    copies = [each / "data" for each in (before, folder)]
    states = every_state(copies, [folder / "keys"])
    assert [state.epoch for state in states] == [3]
    assert readable(states[0], blobs, ANNA) == {False}
    assert alone(paths_in(folder), 3)


@pytest.mark.parametrize("change", ["new root", "drop root"])
def test_a_change_of_roots_that_is_killed_anywhere_loses_no_living_key(
    before: Path, blobs: dict[tuple[str, int], bytes], change: str
) -> None:
    roots = {"new root": ([1, 2], [1, 2, 3]), "drop root": ([1, 2], [2])}[change]
    seen = []
    for folder in kill_points(before, lambda paths: _change(paths, change)):
        found = store_of(paths_in(folder)).load()
        assert list(found.roots) == roots[found.epoch - 2]
        kept = [root for root in (1, 2) if root in found.roots]
        assert all(opens(found, BODO, blobs[BODO, root]) for root in kept)
        again = store_of(paths_in(folder)).create()  # finishes, and changes nothing
        assert again.to_bytes() == found.to_bytes()
        assert alone(paths_in(folder), found.epoch)
        seen.append(found.epoch)
    assert set(seen) == {2, 3}


def _change(paths: Paths, change: str) -> None:
    if change == "new root":
        store_of(paths).new_root()
    else:
        store_of(paths).drop_root(1)


def test_making_the_first_state_can_be_killed_anywhere(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in kill_points(tmp_path / "empty", lambda paths: store_of(paths).create()):
        state = store_of(paths_in(folder)).create()
        assert state.epoch == 1
        assert alone(paths_in(folder), 1)


def test_destroying_it_all_can_be_killed_anywhere(before: Path) -> None:
    for folder in kill_points(before, lambda paths: store_of(paths).destroy()):
        store_of(paths_in(folder)).destroy()
        assert not every_state([before, folder], [folder])


def leftovers(before: Path, tmp_path: Path) -> list[Path]:
    """A copy of each different set of files that a kill within a puncture leaves."""
    found: dict[str, Path] = {}
    for folder in kill_points(before, lambda paths: erase(paths, ANNA), every_line=False):
        files = repr(sorted(contents(folder).items()))
        if files not in found:
            found[files] = copied(folder, tmp_path / f"left-{len(found)}")
    return list(found.values())


def test_clearing_up_after_a_kill_can_be_killed_too(
    before: Path, blobs: dict[tuple[str, int], bytes], tmp_path: Path
) -> None:
    lefts = leftovers(before, tmp_path)
    assert len(lefts) == 10
    for left in lefts:
        epoch = store_of(paths_in(left)).load().epoch
        for folder in kill_points(left, lambda paths: store_of(paths).create(), every_line=False):
            found = store_of(paths_in(folder)).load()
            assert found.epoch == epoch
            assert readable(found, blobs, BODO) == {True}
            assert readable(found, blobs, ANNA) == {epoch == 2}
            store_of(paths_in(folder)).create()
            assert alone(paths_in(folder), epoch)
