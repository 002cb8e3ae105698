"""Files that are on the disk, whole, when a call returns."""

import os
from pathlib import Path

import pytest

from lethe import durable_files
from lethe.stack import private_files

OLD, NEW = b"old\n", b"new content\n"


class Calls:
    """What the system was asked to do that matters after a power failure, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        fsync, replace, link, unlink = os.fsync, Path.replace, os.link, Path.unlink

        def named(path: str) -> str:
            return Path(path).name.replace(f".{os.getpid()}", "")

        def log_fsync(handle: int) -> None:
            self.made.append(f"sync {named(str(Path(f'/proc/self/fd/{handle}').readlink()))}")
            fsync(handle)

        def log_replace(self_: Path, target: Path) -> Path:
            self.made.append(f"rename {named(str(self_))} to {named(str(target))}")
            return replace(self_, target)

        def log_link(source: Path, target: Path) -> None:
            self.made.append(f"link {named(str(source))} to {named(str(target))}")
            link(source, target)

        def log_unlink(self_: Path, missing_ok: bool = False) -> None:
            if self_.exists():
                self.made.append(f"unlink {named(str(self_))}")
            unlink(self_, missing_ok)

        monkeypatch.setattr(os, "fsync", log_fsync)
        monkeypatch.setattr(Path, "replace", log_replace)
        monkeypatch.setattr(os, "link", log_link)
        monkeypatch.setattr(Path, "unlink", log_unlink)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_a_file_is_synced_before_it_has_its_name_and_the_name_before_the_call_returns(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    durable_files.replace(folder / "file", NEW)
    assert calls.made == ["sync .file.new", "rename .file.new to file", "sync folder"]


def test_a_new_file_is_synced_before_it_has_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    assert durable_files.create(folder / "file", NEW)
    assert calls.made == ["sync .file.new", "link .file.new to file", "unlink .file.new", "sync folder"]


def test_a_destroyed_file_is_overwritten_on_disk_before_it_loses_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, same = folder / "file", folder / "same bytes"
    durable_files.replace(file, NEW)
    same.hardlink_to(file)
    calls = Calls(monkeypatch)
    durable_files.destroy(file)
    assert calls.made == ["sync file", "unlink file", "sync folder"]
    assert same.read_bytes() == bytes(len(NEW))
    durable_files.destroy(file)


def test_files_are_closed_to_others(folder: Path) -> None:
    previous = os.umask(0)
    try:
        durable_files.replace(folder / "a", NEW)
        durable_files.create(folder / "b", NEW)
        durable_files.write(folder / "c", NEW)
    finally:
        os.umask(previous)
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_the_first_to_create_a_file_wins(folder: Path) -> None:
    assert durable_files.create(folder / "file", OLD)
    assert not durable_files.create(folder / "file", NEW)
    assert (folder / "file").read_bytes() == OLD


def test_the_loser_of_a_race_leaves_the_winners_content_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable_files.create(folder / "file", OLD)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert not durable_files.create(folder / "file", NEW)
    assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [("file", OLD)]


def test_what_a_killed_process_left_is_found(folder: Path) -> None:
    for name in (".file.1.new", ".file.22.new", ".file2.1.new", "file"):
        (folder / name).touch()
    assert [each.name for each in durable_files.partials(folder / "file")] == [".file.1.new", ".file.22.new"]


def test_a_link_is_not_written_through(folder: Path) -> None:
    target = folder / "target"
    target.write_bytes(OLD)
    (folder / "link").symlink_to(target)
    for change in (durable_files.destroy, lambda file: durable_files.write(file, NEW)):
        with pytest.raises(OSError, match="symbolic links"):
            change(folder / "link")
    assert target.read_bytes() == OLD


@pytest.mark.parametrize("content", [b"", OLD, OLD * 3, OLD + b"x"])
def test_a_file_on_disk_is_compared_as_a_whole(
    folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable_files, "_CHUNK", 3)
    durable_files.replace(folder / "file", OLD)
    assert durable_files.is_on_disk(folder / "file", content) is (content == OLD)


def test_private_files_are_written_so_too(folder: Path) -> None:
    assert private_files.create(folder / "file", "größe\n")
    assert not private_files.create(folder / "file", "other")
    assert (folder / "file").read_text(encoding="utf-8") == "größe\n"
    private_files.replace(folder / "file", "other\n")
    assert (folder / "file").read_text(encoding="utf-8") == "other\n"
    assert [file.name for file in folder.iterdir()] == ["file"]
