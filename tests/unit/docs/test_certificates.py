"""docs/certificates.md: its ten lines check a certificate, and its tables name every part and level."""

import subprocess
import sys
from pathlib import Path

import pytest

from lethe.evidence import signing
from lethe.requests.certificate.issue import Issuer
from lethe.requests.certificate.levels import WHAT
from lethe.requests.certificate.model import Certificate
from lethe.requests.certificate.plan import Treatment
from lethe.settings import Paths
from tests.unit.docs.pages import codes, page
from tests.unit.requests.certificate.examples import AT, REGISTER, TOPICS, facts

PAGE = page("docs/certificates.md")
(CODE,) = [block.text for block in PAGE.blocks if block.language == "python"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate, and the public key that checks it."""
    paths = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    paths.home.mkdir()
    signing.create_key(paths)
    issued = Issuer(REGISTER, paths, TOPICS).issue(facts(), AT)
    key = tmp_path / "public.pem"
    key.write_text(signing.public_pem(signing.Signer(paths).public_key))
    return issued.file, key


def _run(certificate: Path, key: Path) -> subprocess.CompletedProcess[str]:
    """In a folder of its own, where no Lethe can be imported."""
    return subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", CODE, certificate, key],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_code_on_the_page_checks_a_certificate(files: tuple[Path, Path]) -> None:
    assert len([line for line in CODE.splitlines() if line]) <= 10
    assert "lethe" not in CODE.replace("lethe signed document", "")
    found = _run(*files)
    assert (found.returncode, found.stderr) == (0, "")
    assert "revision 1 after None" in found.stdout


def test_the_code_on_the_page_finds_an_edit(files: tuple[Path, Path]) -> None:
    certificate, key = files
    certificate.write_text(certificate.read_text().replace('"left": 0', '"left": 1', 1))
    assert "InvalidSignature" in _run(certificate, key).stderr


def test_every_part_of_a_certificate_is_explained() -> None:
    named = {code for row in PAGE.table("What it says") for code in codes(row["part"])}
    unsaid = {"format", "issued_at", "supervisory_authority", "register_version"}
    assert named == Certificate.model_fields.keys() - unsaid


def test_every_level_and_treatment_is_explained() -> None:
    assert [codes(row["level"])[0] for row in PAGE.table("Levels")] == list(WHAT)
    text = PAGE.file.read_text(encoding="utf-8")
    assert [each for each in Treatment if f"`{each}`" not in text] == []
