"""The key state on disk: what each change leaves, what each fault is told as, and who waits for whom."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lethe import durable_files
from lethe.errors import ConfigurationError, KeyStateError
from lethe.protection.kek import KekFiles
from lethe.protection.key_state import KeyState
from lethe.protection.key_store import KeyStore
from lethe.settings import Paths
from tests.unit.protection.installation import (
    ANNA,
    BODO,
    CARL,
    copied,
    erase,
    every_state,
    keys_of,
    opens,
    paths_in,
    sealed,
    store_of,
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = paths_in(tmp_path)
    store_of(made).create()
    return made


def files(paths: Paths) -> set[str]:
    kept = {file.name for folder in (paths.home / "keys", paths.keys_dir) for file in folder.iterdir()}
    return kept - {"key-state.lock"}


def test_the_first_state_is_made_once(paths: Paths) -> None:
    first = store_of(paths).load()
    again = store_of(paths).create()
    assert (again.epoch, again.to_bytes()) == (1, first.to_bytes())
    assert files(paths) == {"kek-1", "state-1"}
    assert {file.stat().st_mode & 0o777 for file in (paths.home / "keys").iterdir()} == {0o600}
    assert (paths.home / "keys").stat().st_mode & 0o777 == 0o700


def test_two_installations_share_nothing(paths: Paths, tmp_path: Path) -> None:
    other = store_of(paths_in(tmp_path / "other")).create()
    assert other.to_bytes() != store_of(paths).load().to_bytes()


def test_each_change_is_one_epoch_and_leaves_only_its_own_files(paths: Paths) -> None:
    store = store_of(paths)
    assert store.new_root().epoch == store.epoch() == 2
    assert erase(paths, ANNA, BODO).epoch == store.epoch() == 3
    assert store.drop_root(1).epoch == store.epoch() == 4
    assert files(paths) == {"kek-4", "state-4"}
    assert list(store.load().roots) == [2]


def test_what_changes_nothing_writes_nothing(paths: Paths) -> None:
    erase(paths, ANNA)
    before = [(file, file.stat().st_mtime_ns) for file in (paths.home / "keys").iterdir()]
    assert erase(paths, ANNA).epoch == 2
    assert store_of(paths).drop_root(7).epoch == 2
    assert [(file, file.stat().st_mtime_ns) for file in (paths.home / "keys").iterdir()] == before


def test_a_change_that_does_not_count_up_is_refused(paths: Paths) -> None:
    with pytest.raises(KeyStateError, match="can't be of epoch 1"):
        store_of(paths).change(lambda state: KeyState(1, dict(state.roots)))
    assert store_of(paths).epoch() == 1


def test_what_a_change_raises_leaves_the_old_state_and_frees_the_lock(paths: Paths) -> None:
    with pytest.raises(ZeroDivisionError):
        store_of(paths).change(lambda state: KeyState(state.epoch // 0, {}))
    assert erase(paths, ANNA).epoch == 2


def test_destroying_it_all_makes_room_for_a_new_one(paths: Paths) -> None:
    old, store = store_of(paths).load(), store_of(paths)
    store.destroy()
    assert files(paths) == set()
    assert store.create().to_bytes() != old.to_bytes()


# Faults


def test_no_state_at_all_says_what_makes_it(tmp_path: Path) -> None:
    store = store_of(paths_in(tmp_path))
    for ask in (store.load, store.epoch, store.new_root):
        with pytest.raises(KeyStateError, match=r"there is no key state in .*: `lethe up` makes it"):
            ask()


def test_a_restored_older_backup_is_refused_and_told_why(paths: Paths, tmp_path: Path) -> None:
    backup = copied(paths.home, tmp_path / "backup")
    erase(paths, ANNA)
    shutil.rmtree(paths.home)
    copied(backup, paths.home)
    store = store_of(paths)
    for ask in (store.load, store.epoch, store.create, store.new_root):
        with pytest.raises(
            KeyStateError,
            match=r"epoch 2 is missing .* \(there: 1\).*that is what forgets. Restore the copy of state-2",
        ):
            ask()
    assert files(paths) == {"kek-2", "state-1"}


def test_lost_data_is_never_replaced_by_a_new_state(paths: Paths) -> None:
    shutil.rmtree(paths.home)
    with pytest.raises(KeyStateError, match=r"epoch 1 is missing .* \(there: none\)"):
        store_of(paths).create()
    assert (paths.keys_dir / "kek-1").exists()


def test_a_lost_keys_folder_is_told(paths: Paths, tmp_path: Path) -> None:
    elsewhere = store_of(Paths(home=paths.home, keys_dir=tmp_path / "elsewhere"))
    for ask in (elsewhere.load, elsewhere.create):
        with pytest.raises(KeyStateError, match="set LETHE_KEYS_DIR, or restore that folder"):
            ask()
    assert files(paths) == {"kek-1", "state-1"}


def test_a_key_in_force_whose_state_is_lost_is_not_destroyed_for_an_older_pair(
    paths: Paths, tmp_path: Path
) -> None:
    before = copied(paths.home.parent, tmp_path / "before")
    erase(paths, ANNA)
    (paths.home / "keys" / "state-2").unlink()
    shutil.copy2(before / "data" / "keys" / "state-1", paths.home / "keys")
    shutil.copy2(before / "keys" / "kek-1", paths.keys_dir)
    for ask in (store_of(paths).load, store_of(paths).create, store_of(paths).new_root):
        with pytest.raises(KeyStateError, match="epoch 2 is missing"):
            ask()
    assert (paths.keys_dir / "kek-2").exists()


def test_an_older_key_that_somebody_put_back_is_destroyed_by_the_next_change(
    paths: Paths, tmp_path: Path
) -> None:
    before = copied(paths.home.parent, tmp_path / "before")
    erase(paths, ANNA)
    shutil.copy2(before / "keys" / "kek-1", paths.keys_dir)
    assert store_of(paths).load().epoch == store_of(paths).epoch() == 2
    erase(paths, BODO)
    assert files(paths) == {"kek-3", "state-3"}


def test_a_tampered_state_is_refused(paths: Paths) -> None:
    file = paths.home / "keys" / "state-1"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    for ask in (store_of(paths).load, store_of(paths).create, store_of(paths).new_root):
        with pytest.raises(KeyStateError, match="epoch 1 does not authenticate"):
            ask()
    assert files(paths) == {"kek-1", "state-1"}


def test_a_key_that_is_open_to_others_is_refused(paths: Paths) -> None:
    (paths.keys_dir / "kek-1").chmod(0o640)
    with pytest.raises(ConfigurationError, match="is open to others"):
        store_of(paths).load()


def test_a_state_that_cannot_be_read_is_told(paths: Paths) -> None:
    file = paths.home / "keys" / "state-1"
    file.unlink()
    file.mkdir()
    with pytest.raises(KeyStateError, match="state-1 can't be read"):
        store_of(paths).load()


@pytest.mark.parametrize("name", ["data/keys", "keys"])
def test_a_file_in_the_place_of_a_folder_is_told(paths: Paths, name: str) -> None:
    folder = paths.home.parent / name
    shutil.rmtree(folder)
    folder.touch()
    with pytest.raises((KeyStateError, ConfigurationError), match=f"{name} can't be listed"):
        store_of(paths).load()


# The order of things


def test_a_new_state_that_is_not_on_disk_as_written_is_taken_back(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as faulty:
        faulty.setattr(durable_files, "is_on_disk", lambda *_: False)
        with pytest.raises(KeyStateError, match="is not what was written"):
            erase(paths, ANNA)
    assert files(paths) == {"kek-1", "state-1"}
    assert erase(paths, ANNA).epoch == 2


def test_a_new_key_that_its_keeper_does_not_give_back_is_taken_back(paths: Paths) -> None:
    class Forgetful(KekFiles):
        def create(self, epoch: int) -> bytes:
            super().create(epoch)
            return bytes(32)

    with pytest.raises(KeyStateError, match="is not what was written"):
        KeyStore(paths, Forgetful(paths)).new_root()
    assert files(paths) == {"kek-1", "state-1"}


def test_an_epoch_that_does_not_open_above_one_that_does_was_never_in_force(paths: Paths) -> None:
    (paths.home / "keys" / "state-2").write_bytes(b"torn")
    KekFiles(paths).create(2)
    assert store_of(paths).load().epoch == 1
    assert erase(paths, ANNA).epoch == 2
    assert files(paths) == {"kek-2", "state-2"}


def test_a_full_disk_leaves_the_old_state_and_the_next_change_clears_up(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob, write = sealed(store_of(paths).load(), ANNA), durable_files.write

    def full(file: Path, content: bytes) -> None:
        if file.name == ".state-2.new" and content:
            write(file, content[:100])
            raise OSError(28, "No space left on device")
        write(file, content)

    with monkeypatch.context() as faulty:
        faulty.setattr(durable_files, "write", full)
        with pytest.raises(OSError, match="No space left"):
            erase(paths, ANNA)
    assert files(paths) == {"kek-1", "state-1", "kek-2", ".state-2.new"}
    assert opens(store_of(paths).load(), ANNA, blob)
    assert erase(paths, ANNA).epoch == 2
    assert files(paths) == {"kek-2", "state-2"}


def test_the_old_key_is_destroyed_after_the_new_state_is_on_disk_and_read_back(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def log(name: str) -> None:
        original: Callable[..., object] = getattr(durable_files, name)

        def logged(file: Path, *rest: object) -> object:
            done.append(f"{name} {file.name}")
            return original(file, *rest)

        monkeypatch.setattr(durable_files, name, logged)

    for name in ("write", "move", "replace", "is_on_disk", "destroy", "sync_folder"):
        log(name)
    erase(paths, ANNA)
    pid = os.getpid()
    assert done == [
        "write .state-2.new",
        "sync_folder keys",
        *("replace kek-2", f"write .kek-2.{pid}.new", f"move .kek-2.{pid}.new", "sync_folder keys"),
        *("write .state-2.new", "move .state-2.new", "sync_folder keys"),
        "is_on_disk state-2",
        *("destroy kek-1", "sync_folder keys"),
        "sync_folder keys",
    ]


# Several processes


def child_of(action: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def ended_well(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def test_changes_of_several_processes_are_all_kept_and_no_epoch_is_given_twice(
    paths: Paths, tmp_path: Path
) -> None:
    people = {name: [os.urandom(32).hex() for _ in range(6)] for name in ("a", "b", "c")}
    state = store_of(paths).load()
    blob = sealed(state, BODO)

    def erase_all(name: str) -> None:
        epochs = [erase(paths, person).epoch for person in people[name]]
        (tmp_path / name).write_text(" ".join(map(str, epochs)))

    children = [child_of(lambda name=name: erase_all(name)) for name in people]
    seen, given_up = [0], time.monotonic() + 60
    while (newest := store_of(paths).load()).epoch < 19:  # a reader beside them, without a lock
        assert time.monotonic() < given_up
        assert opens(newest, BODO, blob)
        assert newest.epoch >= seen[-1]
        assert store_of(paths).epoch() >= newest.epoch
        seen.append(newest.epoch)
    assert all(ended_well(child) for child in children)
    given = [int(epoch) for name in people for epoch in (tmp_path / name).read_text().split()]
    assert sorted(given) == list(range(2, 20))
    everybody = [person for each in people.values() for person in each]
    assert keys_of(newest).derive(everybody, [0] * 18) == [None] * 18
    assert len(seen) > 2


def holding(paths: Paths) -> int:
    """A process that holds the lock, in the middle of a change, until it is killed."""
    reader, writer = os.pipe()

    def hold(_: KeyState) -> KeyState:
        os.write(writer, b"x")
        time.sleep(60)  # to be killed in; it ends by itself where the test does not come to that
        raise AssertionError("nobody killed it")

    child = child_of(lambda: store_of(paths).change(hold))
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    return child


def test_who_waits_too_long_for_the_lock_is_told_and_readers_do_not_wait(paths: Paths) -> None:
    child = holding(paths)
    try:
        begun = time.monotonic()
        with pytest.raises(
            KeyStateError, match=r"key-state.lock is held by another process for more than 0.2 s"
        ):
            KeyStore(paths, lock_seconds=0.2).new_root()
        assert store_of(paths).load().epoch == store_of(paths).epoch() == 1
        assert time.monotonic() - begun < 3
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_killed_holder_of_the_lock_frees_it(paths: Paths) -> None:
    child = holding(paths)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert erase(paths, CARL).epoch == 2


def test_a_reader_that_meets_a_change_reads_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    store, listing = store_of(paths), KeyStore._listing
    stale = store._listing()
    erase(paths, ANNA)
    answers = [stale]
    monkeypatch.setattr(KeyStore, "_listing", lambda self: answers.pop() if answers else listing(self))
    assert store.load().epoch == 2
    answers.append(stale)
    assert store.epoch() in (1, 2)


def test_a_reader_that_meets_only_changes_gives_up(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    store, listing = store_of(paths), store_of(paths)._listing()
    epochs = iter(range(1, 10_000))

    def ever_new(_: KeyStore) -> object:
        return type(listing)(keks=(next(epochs),), states=(), partials=())

    monkeypatch.setattr(KeyStore, "_listing", ever_new)
    with pytest.raises(KeyStateError, match="again and again"):
        store.load()


def test_no_key_of_the_folder_decrypts_an_older_state(paths: Paths, tmp_path: Path) -> None:
    before = copied(paths.home, tmp_path / "before")
    erase(paths, ANNA)
    assert [state.epoch for state in every_state([before, paths.home], [paths.keys_dir])] == [2]
