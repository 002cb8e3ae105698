"""`lethe certificate …` as a user types it: no server, one line where something is wrong, and never a traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from lethe.cli import app
from lethe.errors import CertificateError, ConfigurationError, InputError, LetheError, SignatureError
from lethe.evidence import signing
from lethe.requests.certificate.issue import PROOFS, Issuer
from lethe.settings import Paths
from tests.unit.requests.certificate.examples import AT, REGISTER, TOPICS, all_bytes_gone, facts, mixed


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["certificate", *map(str, arguments)])


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine of somebody who has no installation, and so no key."""
    for name in ("HOME", "KEYS_DIR", "SECRETS_DIR", "EVIDENCE_DIR"):
        monkeypatch.setenv(f"LETHE_{name}", str(tmp_path / "elsewhere" / name.lower()))


@pytest.fixture
def key(paths: Paths, tmp_path: Path) -> Path:
    file = tmp_path / "public.pem"
    file.write_text(signing.public_pem(signing.Signer(paths).public_key))
    return file


@pytest.fixture
def issuer(paths: Paths) -> Issuer:
    return Issuer(REGISTER, paths, TOPICS)


@pytest.fixture
def certificate(issuer: Issuer) -> Path:
    return issuer.issue(facts(), AT).file


def test_a_certificate_is_verified_with_its_file_and_the_key_alone(
    certificate: Path, key: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "given.json"
    alone.write_bytes(certificate.read_bytes())
    result = run("verify", alone, "--key", key)
    assert result.exit_code == 0
    assert result.output.startswith("valid: certificate ")
    assert "revision 1, L1, L2\n" in result.output
    assert "EXAMPLE" in result.output


def test_without_a_key_the_installation_s_own_is_taken(
    certificate: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(run("verify", certificate).exception, ConfigurationError)
    monkeypatch.setenv("LETHE_KEYS_DIR", str(paths.keys_dir))
    assert run("verify", certificate).exit_code == 0


def test_the_key_that_is_printed_checks_the_certificate(
    certificate: Path, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETHE_KEYS_DIR", str(paths.keys_dir))
    printed = tmp_path / "printed.pem"
    printed.write_text(run("key").output)
    monkeypatch.delenv("LETHE_KEYS_DIR")
    assert run("verify", certificate, "--key", printed).exit_code == 0


def test_show_says_it_in_words(certificate: Path) -> None:
    result = run("show", certificate)
    assert result.exit_code == 0
    assert "What is left, where, and until when" in result.output


def _edited(file: Path) -> None:
    file.write_text(file.read_text().replace('"left": 0', '"left": 2', 1))


def _twice(file: Path) -> None:
    file.write_text('{"number": "other",' + file.read_text().removeprefix("{"))


def _not_a_number(file: Path) -> None:
    file.write_text(file.read_text().replace('"revision": 1', '"revision": NaN'))


def _unsigned(file: Path) -> None:
    document = json.loads(file.read_text())
    del document["signature"]
    file.write_text(json.dumps(document))


DAMAGES: list[tuple[Callable[[Path], object], type[LetheError], str]] = [
    (_edited, SignatureError, "not what was signed"),
    (_twice, SignatureError, "not a JSON document that can be signed"),
    (_not_a_number, SignatureError, "not a JSON document that can be signed"),
    (_unsigned, SignatureError, "no signature"),
    (lambda file: file.write_text("[]"), SignatureError, "not a JSON object"),
    (lambda file: file.write_text("[" * 100_000), SignatureError, "not a JSON document"),
    (
        lambda file: file.write_text('{"a": ' + "[" * 900 + "]" * 900 + "}"),
        SignatureError,
        "not a JSON document",
    ),
    (lambda file: file.write_text('{"a": 100000000000000000000}'), SignatureError, "not a JSON document"),
    (lambda file: file.write_text('{"a": "\\ud800"}'), SignatureError, "not a JSON document"),
    (lambda file: file.write_bytes(b"\xff\xfe"), SignatureError, "not a JSON document"),
    (lambda file: file.write_text(""), SignatureError, "not a JSON document"),
    (lambda file: file.unlink(), InputError, "can't be read (No such file"),
]


@pytest.mark.parametrize(("damage", "kind", "words"), DAMAGES)
def test_what_is_damaged_is_told_in_one_line(
    certificate: Path, key: Path, damage: Callable[[Path], object], kind: type[LetheError], words: str
) -> None:
    damage(certificate)
    result = run("verify", certificate, "--key", key)
    assert isinstance(result.exception, kind)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.output == ""


def test_another_key_is_told(certificate: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(signing.public_pem(Ed25519PrivateKey.generate().public_key()))
    result = run("verify", certificate, "--key", other)
    assert isinstance(result.exception, SignatureError)
    assert "another key" in str(result.exception)


@pytest.mark.parametrize("name", ["missing.pem", "given.json"])
def test_what_is_no_key_is_told(certificate: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "given.json").write_text("{}")
    result = run("verify", certificate, "--key", tmp_path / name)
    assert isinstance(result.exception, InputError | SignatureError)
    assert name in str(result.exception)


def test_something_else_that_the_key_signed_is_no_certificate(
    paths: Paths, key: Path, tmp_path: Path
) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps(signing.Signer(paths).sign({"format": "another document"})))
    for arguments in (("verify", file, "--key", key), ("show", file)):
        result = run(*arguments)
        assert isinstance(result.exception, CertificateError)
        assert "format" in str(result.exception)


def test_what_is_shown_unchecked_moves_no_cursor(certificate: Path) -> None:
    document = json.loads(certificate.read_text())
    for change in (
        {"\x1b[2Jx": 1},
        {"case": document["case"] | {"id": "\x1b[2J-------"}},
        {"number": "\x1b[2J"},
    ):
        certificate.write_text(json.dumps(document | change))
        result = run("show", certificate)
        assert isinstance(result.exception, CertificateError)
        assert "\x1b" not in result.output + str(result.exception)


def test_a_revision_that_names_another_before_it_is_told(
    issuer: Issuer, certificate: Path, key: Path
) -> None:
    number = issuer.issue(facts(), AT).certificate.number
    second = issuer.reissue(number, all_bytes_gone(AT), AT).file
    assert run("verify", second, "--key", key).exit_code == 0
    other = issuer.issue(facts(case_id="another-case"), AT).file
    certificate.write_bytes(other.read_bytes())
    result = run("verify", second, "--key", key)
    assert "is not the one that it names" in str(result.exception)


def test_proofs_are_checked_all_together_or_one_alone(issuer: Issuer, key: Path, tmp_path: Path) -> None:
    file = issuer.issue(mixed(5), AT).file
    proofs = file.with_name(PROOFS)
    result = run("verify", file, "--key", key, "--proof", proofs)
    assert "valid: 5 proofs lead to its root" in result.output
    one = tmp_path / "proof.json"
    one.write_text(proofs.read_text().splitlines()[2])
    assert "valid: 1 proof leads to its root" in run("verify", file, "--key", key, "--proof", one).output
    one.write_text(one.read_text().replace('"index":2', '"index":3'))
    result = run("verify", file, "--key", key, "--proof", one)
    assert isinstance(result.exception, SignatureError)
    assert "does not lead" in str(result.exception)
