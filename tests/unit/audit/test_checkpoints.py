"""Checkpoints: what is signed, how one grew from the one before, and which of a folder count."""

import json
from pathlib import Path

import pytest

from lethe.audit import checkpoints
from lethe.audit.checkpoints import Checkpoint
from lethe.audit.entry import entry_hash
from lethe.audit.report import Findings
from lethe.audit.tree import Growth, Tree
from lethe.errors import InputError, SignatureError
from lethe.evidence import signing
from lethe.evidence.signing import Signer, create_key
from lethe.settings import Paths
from tests.unit.audit.entries import checkpoint_of, trail

TRAIL = trail(9)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    create_key(made)
    return made


def written(paths: Paths, size: int, before: int | None = None) -> Path:
    """The checkpoint of the first entries, and that it grew from that of the first `before`."""
    now = checkpoint_of(TRAIL[:size])
    proof, known = list[bytes](), None
    if before is not None:
        earlier = Tree()
        for document in TRAIL[:before]:
            earlier.add(entry_hash(document))
        growth = Growth(earlier)
        for document in TRAIL[before:size]:
            growth.add(entry_hash(document))
        proof, known = growth.proof(), checkpoint_of(TRAIL[:before])
    document = checkpoints.made(size, now.root, now.head, known, proof)
    return checkpoints.write(checkpoints.folder(paths), document, Signer(paths))


def read_all(paths: Paths) -> tuple[list[Checkpoint], list[str]]:
    findings = Findings()
    files = checkpoints.files(checkpoints.folder(paths))
    found = checkpoints.read_all(files, Signer(paths).public_key, findings)
    return found, [f"{each.kind} {each.where}" for each in findings]


def test_what_is_written_can_be_read_and_checked_with_the_key_beside_it(paths: Paths) -> None:
    file = written(paths, 5)
    key = signing.load_public((file.parent / checkpoints.PUBLIC_KEY).read_bytes(), "key")
    found = checkpoints.read(file, key)
    expected = checkpoint_of(TRAIL[:5])
    assert (found.size, found.root, found.head) == (5, expected.root, expected.head)
    assert file.stat().st_mode & 0o077 == 0


def test_each_shows_that_it_grew_from_the_one_before(paths: Paths) -> None:
    written(paths, 3)
    written(paths, 7, before=3)
    found, findings = read_all(paths)
    assert [each.size for each in found] == [3, 7]
    assert findings == []
    newest = checkpoints.newest(checkpoints.folder(paths), Signer(paths).public_key)
    assert newest == found[-1]


def test_one_that_did_not_grow_from_the_one_it_names_is_found(paths: Paths) -> None:
    file = written(paths, 7, before=3)
    document = {name: value for name, value in json.loads(file.read_bytes()).items() if name != "signature"}
    document["previous"]["root"] = checkpoint_of(TRAIL[1:4]).root
    file.write_bytes(signing.canonical(Signer(paths).sign(document)))
    assert read_all(paths) == ([], [f"bad_checkpoint {file.name}"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(b'"size":5', b'"size":4'), "not what was signed"),
        (lambda text: text[:40], "not JSON"),
        (lambda _: b"[]", "not a checkpoint"),
        (lambda _: b"{}", "not a checkpoint"),
    ],
)
def test_one_that_was_edited_is_found(paths: Paths, change: object, words: str) -> None:
    assert callable(change)
    file = written(paths, 5)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(SignatureError, match=words):
        checkpoints.read(file, Signer(paths).public_key)
    assert read_all(paths) == ([], [f"bad_checkpoint {file.name}"])


def test_one_that_is_not_there_is_told_without_a_traceback(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"checkpoint x\.json: can't be read"):
        checkpoints.read(tmp_path / "x.json", Signer(paths).public_key)


def test_by_another_key_none_counts(paths: Paths, tmp_path: Path) -> None:
    written(paths, 5)
    other = Paths(home=tmp_path / "other", keys_dir=tmp_path / "others")
    create_key(other)
    findings = Findings()
    assert not checkpoints.read_all(
        checkpoints.files(checkpoints.folder(paths)), Signer(other).public_key, findings
    )
    assert findings.count == 1


def test_the_evidence_folder_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert checkpoints.folder(Paths(home=tmp_path)) == tmp_path / "evidence" / "checkpoints"
    monkeypatch.setenv("LETHE_EVIDENCE_DIR", str(tmp_path / "far"))
    assert checkpoints.folder(Paths()) == tmp_path / "far" / "checkpoints"
