"""docs/audit.md: its programs check a trail, its tables name every field, action of this version, and finding."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lethe.audit import checkpoints
from lethe.audit.entry import BEGINNING, Action, Entry, written
from lethe.audit.report import Kind
from lethe.audit.who import Who
from lethe.evidence import signing
from lethe.evidence.signing import Signer, create_key
from lethe.settings import Paths
from tests.unit.audit.entries import AT, checkpoint_of, trail
from tests.unit.docs.pages import codes, page

PAGE = page("docs/audit.md")
CHECK, SIGNATURE = (block.text for block in PAGE.blocks if block.language == "python")


def run(program: str, *arguments: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def evidence(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A checkpoint of 11 entries, the 13 entries that there are now, and the public key."""
    paths = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    create_key(paths)
    documents = trail(13)
    signed = checkpoint_of(documents[:11])
    made = checkpoints.made(signed.size, signed.root, signed.head, None, [])
    file = checkpoints.write(checkpoints.folder(paths), made, Signer(paths))
    entries = tmp_path / "entries"
    entries.write_bytes(b"\n".join(written(each) for each in documents) + b"\n")
    return file, entries, file.parent / checkpoints.PUBLIC_KEY


def test_the_ten_lines_take_what_was_signed(evidence: tuple[Path, Path, Path]) -> None:
    checkpoint, entries, _ = evidence
    told = run(CHECK, checkpoint, entries)
    assert told.stdout == "the first 11 entries are what was signed\n", told.stderr
    body = CHECK[CHECK.index("for at") : CHECK.index("print")]
    assert len(body.splitlines()) <= 10


@pytest.mark.parametrize("position", range(11))
def test_the_ten_lines_find_an_edit(evidence: tuple[Path, Path, Path], position: int) -> None:
    checkpoint, entries, _ = evidence
    lines = entries.read_bytes().splitlines()
    lines[position] = lines[position].replace(b"eraser", b"editor")
    entries.write_bytes(b"\n".join(lines))
    assert run(CHECK, checkpoint, entries).returncode == 1


@pytest.mark.parametrize("size", [0, 5, 10])
def test_the_ten_lines_find_a_cut(evidence: tuple[Path, Path, Path], size: int) -> None:
    checkpoint, entries, _ = evidence
    entries.write_bytes(b"\n".join(entries.read_bytes().splitlines()[:size]))
    assert run(CHECK, checkpoint, entries).returncode == 1


def test_the_signature_is_checked_as_the_page_shows(evidence: tuple[Path, Path, Path]) -> None:
    checkpoint, _, key = evidence
    assert run(SIGNATURE, checkpoint, key).stdout == "signed\n"
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b'"size":11', b'"size":10'))
    assert run(SIGNATURE, checkpoint, key).returncode == 1


def test_every_field_of_an_entry_is_explained() -> None:
    listed = {name for row in PAGE.table("What is in it") for name in codes(row["field"])}
    full = Entry(Who("eraser", "ops", "r"), Action.EXPORT, "rights", "k", "c", "0" * 64)
    stored = json.loads(written(full.placed(0, BEGINNING, AT)))
    assert listed == set(stored)


def test_every_explained_action_exists() -> None:
    listed = [name for row in PAGE.table("What is in it", number=1) for name in codes(row["action"])]
    assert set(listed) <= {each.value for each in Action}


def test_every_finding_is_explained() -> None:
    listed = [name for row in PAGE.table("With Lethe", number=1) for name in codes(row["finding"])]
    assert sorted(listed) == sorted(each.value for each in Kind)


def test_every_field_of_a_checkpoint_is_explained(evidence: tuple[Path, Path, Path]) -> None:
    listed = [name for row in PAGE.table("Checkpoints") for name in codes(row["field"])]
    held = json.loads(evidence[0].read_bytes())
    assert set(held) | {"previous"} == set(listed)
    assert signing.SIGNATURE in listed
