"""What is left of an erased subject in copies: everything from before without the keys folder, and all from after."""

from pathlib import Path

import pytest

from lethe.errors import KeyStateError, PuncturedError
from lethe.protection import fields
from lethe.protection.key_store import KeyStore
from lethe.settings import Paths
from tests.unit.protection.installation import (
    ANNA,
    BODO,
    GROUP,
    VALUES,
    copied,
    erase,
    every_state,
    keys_of,
    opens,
    paths_in,
    sealed,
    store_of,
)


class Installation:
    """One with a row each of Anna and Bodo among its data, under each of two roots."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.paths = folder, paths_in(folder)
        store_of(self.paths).create()
        state = store_of(self.paths).new_root()
        rows = self.paths.home / "rows"
        rows.mkdir()
        for name, subject_id in (("anna", ANNA), ("bodo", BODO)):
            for root in (1, 2):
                (rows / f"{name}-{root}").write_bytes(sealed(state, subject_id, root))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "installation")


def rows(data: Path, name: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted((data / "rows").glob(f"{name}-*"))]


def test_an_erased_subjects_rows_open_from_no_mixture_of_copies_and_a_living_ones_do(
    installation: Installation, tmp_path: Path
) -> None:
    data_before = copied(installation.paths.home, tmp_path / "data before")
    erase(installation.paths, ANNA)
    after = copied(installation.folder, tmp_path / "after")

    states = every_state([data_before, after], [data_before, after])
    assert states
    for data in (data_before, after / "data"):
        assert len(rows(data, "anna")) == len(rows(data, "bodo")) == 2
        assert not any(opens(state, ANNA, row) for state in states for row in rows(data, "anna"))
        assert all(any(opens(state, BODO, row) for state in states) for row in rows(data, "bodo"))


def test_with_the_keys_folder_from_before_the_row_would_open(
    installation: Installation, tmp_path: Path
) -> None:
    """So the test above can fail; and why keys never lie in one backup with the data."""
    all_before = copied(installation.folder, tmp_path / "all before")
    erase(installation.paths, ANNA)
    states = every_state([all_before], [all_before])
    assert any(opens(state, ANNA, row) for state in states for row in rows(all_before / "data", "anna"))


def test_several_erasures_later_nothing_of_any_epoch_opens(
    installation: Installation, tmp_path: Path
) -> None:
    copies = [copied(installation.paths.home, tmp_path / "0")]
    for number in range(1, 5):
        erase(installation.paths, f"{number:064x}")
        copies.append(copied(installation.paths.home, tmp_path / str(number)))
    erase(installation.paths, ANNA)
    states = every_state([*copies, installation.folder], [*copies, installation.folder])
    assert [state.epoch for state in states] == [7]
    assert not any(opens(states[0], ANNA, row) for data in copies for row in rows(data, "anna"))
    assert all(opens(states[0], BODO, row) for data in copies for row in rows(data, "bodo"))


def test_a_read_of_a_copied_row_is_a_clear_error(installation: Installation, tmp_path: Path) -> None:
    data_before = copied(installation.paths.home, tmp_path / "data before")
    erase(installation.paths, ANNA)
    keys = keys_of(store_of(installation.paths).load())
    with pytest.raises(PuncturedError, match="has been destroyed by an erasure"):
        fields.open_blob(keys, ANNA, GROUP, rows(data_before, "anna")[0])
    assert fields.open_blob(keys, BODO, GROUP, rows(data_before, "bodo")[0]) == VALUES
    restored = KeyStore(Paths(home=data_before, keys_dir=installation.paths.keys_dir))
    with pytest.raises(KeyStateError, match="that is what forgets"):
        restored.load()


def test_a_process_that_loaded_the_old_state_still_reads(installation: Installation) -> None:
    """The limit that docs/security.md names: memory forgets when the process asks for the epoch and loads anew."""
    store = store_of(installation.paths)
    stale = store.load()
    erase(installation.paths, ANNA)
    assert opens(stale, ANNA, rows(installation.paths.home, "anna")[0])
    assert store.epoch() > stale.epoch
