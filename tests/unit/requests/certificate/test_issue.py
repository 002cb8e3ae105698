"""One certificate a case: killed, come twice, late or at once, there is one first revision and one chain."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from lethe import durable_files
from lethe.errors import CertificateError, ConfigurationError, SignatureError
from lethe.evidence import signing
from lethe.register.terms import System
from lethe.requests.certificate import issue, printed
from lethe.requests.certificate.compose import number_of
from lethe.requests.certificate.facts import BytesFacts, Facts, Progress, RecipientFacts, SubjectFacts
from lethe.requests.certificate.issue import Issuer, folder_of, pending
from lethe.requests.certificate.verify import verify
from lethe.settings import Paths
from tests.unit.protection.killed import killed_before, lines_that_see
from tests.unit.requests.certificate.examples import (
    AT,
    CASE_ID,
    REGISTER,
    TOPICS,
    all_bytes_gone,
    facts,
    mixed,
    ref,
)

NUMBER = number_of(CASE_ID)
LATER = AT + timedelta(days=1)
MONTHS_LATER = AT + timedelta(days=40)
GONE = BytesFacts(LATER, "raw_search")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing is tried elsewhere; what a power failure needs is durable_files' to see."""
    monkeypatch.setitem(printed.FORMATS, ".pdf", lambda each: f"{each.number} {each.revision}".encode())
    monkeypatch.setattr(os, "fsync", lambda _: None)


def issuer(paths: Paths) -> Issuer:
    return Issuer(REGISTER, paths, TOPICS)


def names(paths: Paths, number: str = NUMBER) -> list[str]:
    return sorted(file.name for file in folder_of(paths, number).iterdir() if not file.name.startswith("."))


def document(paths: Paths, revision: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder_of(paths, NUMBER) / f"{revision}.json").read_bytes())
    return found


def test_a_certificate_is_three_files_that_verify(paths: Paths) -> None:
    issued = issuer(paths).issue(facts(), AT)
    assert issued.is_new
    assert names(paths) == ["1.html", "1.json", "1.pdf"]
    assert verify(issued.file, signing.Signer(paths).public_key) == issued.certificate
    assert {file.stat().st_mode & 0o777 for file in issued.file.parent.iterdir()} == {0o600}
    assert paths.evidence.stat().st_mode & 0o777 == 0o700


def test_issued_twice_it_is_the_same(paths: Paths) -> None:
    first = issuer(paths).issue(facts(), AT)
    content = first.file.read_bytes()
    again = issuer(paths).issue(facts(), LATER)
    assert (again.is_new, again.certificate) == (False, first.certificate)
    assert first.file.read_bytes() == content
    assert names(paths) == ["1.html", "1.json", "1.pdf"]


def test_facts_that_allow_none_leave_nothing(paths: Paths) -> None:
    unasked = replace(facts(), stores=facts().stores[1:])
    with pytest.raises(CertificateError, match="not asked"):
        issuer(paths).issue(unasked, AT)
    assert not paths.evidence.exists()


def test_a_number_never_has_two_first_revisions(paths: Paths) -> None:
    first = issuer(paths).issue(facts(), AT)
    content = first.file.read_bytes()
    other = replace(facts(), subjects=(SubjectFacts(ref(7)),))
    with pytest.raises(CertificateError, match="about other subjects"):
        issuer(paths).issue(other, LATER)
    assert first.file.read_bytes() == content


def test_without_a_key_nothing_is_issued(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="signing key"):
        issuer(Paths(home=tmp_path / "home", keys_dir=tmp_path / "no-keys"))


def test_a_revision_names_the_one_before(paths: Paths) -> None:
    issuer(paths).issue(facts(), AT)
    second = issuer(paths).reissue(NUMBER, Progress(), MONTHS_LATER)
    third = issuer(paths).reissue(NUMBER, all_bytes_gone(MONTHS_LATER), MONTHS_LATER)
    assert [second.certificate.revision, third.certificate.revision] == [2, 3]
    for at in (2, 3):
        assert document(paths, at)["previous"] == signing.digest(document(paths, at - 1))
        verify(folder_of(paths, NUMBER) / f"{at}.json", signing.Signer(paths).public_key)
    assert {level.state for level in third.certificate.levels} == {"reached"}
    assert len(names(paths)) == 9


def test_all_else_stays_as_it_was_first_said(paths: Paths) -> None:
    issuer(paths).issue(facts(), AT)
    issuer(paths).reissue(NUMBER, all_bytes_gone(LATER), LATER)
    changed = {"revision", "previous", "issued_at", "levels", "signature"}
    first, second = (
        {name: value for name, value in document(paths, at).items() if name not in changed} for at in (1, 2)
    )
    assert first == second


@pytest.mark.parametrize(
    "progress",
    [
        Progress(),
        Progress(next_purge_at=MONTHS_LATER),
        Progress(older_replaced_at=MONTHS_LATER),
        Progress(recipients=(RecipientFacts("mail_sender", "webhook", LATER),)),
    ],
    ids=["nothing", "a purge that is due", "what is in the future", "what was told already"],
)
def test_where_nothing_changed_nothing_is_issued(paths: Paths, progress: Progress) -> None:
    issuer(paths).issue(facts(), AT)
    again = issuer(paths).reissue(NUMBER, progress, LATER)
    assert (again.is_new, again.certificate.revision) == (False, 1)


def test_the_same_progress_told_twice_gives_one_revision(paths: Paths) -> None:
    issuer(paths).issue(facts(), AT)
    made = [issuer(paths).reissue(NUMBER, all_bytes_gone(LATER), LATER) for _ in range(3)]
    assert [(each.is_new, each.certificate.revision) for each in made] == [(True, 2), (False, 2), (False, 2)]


def test_older_news_takes_nothing_back(paths: Paths) -> None:
    issuer(paths).issue(facts(), AT)
    issuer(paths).reissue(NUMBER, Progress(bytes_gone={System.KAFKA: GONE}), MONTHS_LATER)
    late = issuer(paths).reissue(NUMBER, Progress(bytes_gone={System.CASSANDRA: GONE}), LATER)
    levels = late.certificate.levels
    assert [part.state for part in levels[3].parts] == ["reached", "reached", "pending"]
    assert levels[2].state == "reached"
    assert late.certificate.issued_at == MONTHS_LATER


def test_a_recipient_who_answers_is_told_of(paths: Paths) -> None:
    issuer(paths).issue(facts(), AT)
    answered = RecipientFacts("mail_sender", "webhook", LATER, LATER)
    post = RecipientFacts("customer_service", "post")
    found = issuer(paths).reissue(NUMBER, Progress(recipients=(answered, post)), LATER).certificate.recipients
    assert [(each.name, each.told_at, each.answered_at) for each in found] == [
        ("mail_sender", AT, LATER),
        ("customer_service", None, None),
    ]


def test_a_recipient_of_whom_the_register_knows_nothing_is_refused(paths: Paths) -> None:
    issuer(paths).issue(facts(), AT)
    with pytest.raises(CertificateError, match="not in the register"):
        issuer(paths).reissue(NUMBER, Progress(recipients=(RecipientFacts("nobody", "post"),)), LATER)


def test_what_was_never_issued_is_not_issued_again(paths: Paths) -> None:
    with pytest.raises(CertificateError, match="there is none here"):
        issuer(paths).reissue(NUMBER, Progress(), LATER)


def test_a_revision_that_was_edited_is_not_built_on(paths: Paths) -> None:
    file = issuer(paths).issue(facts(), AT).file
    file.write_text(file.read_text().replace('"found": 3', '"found": 4'))
    for attempt in (
        lambda: issuer(paths).reissue(NUMBER, all_bytes_gone(LATER), LATER),
        lambda: issuer(paths).issue(facts(), AT),
    ):
        with pytest.raises(SignatureError):
            attempt()
    assert "2.json" not in names(paths)


def test_what_is_pending_is_found_until_all_is_reached(paths: Paths) -> None:
    assert list(pending(paths)) == []
    issuer(paths).issue(facts(), AT)
    issuer(paths).issue(facts(case_id="another-case"), AT)
    assert len(list(pending(paths))) == 2
    issuer(paths).reissue(NUMBER, all_bytes_gone(MONTHS_LATER), MONTHS_LATER)
    assert [each.number for each in pending(paths)] == [number_of("another-case")]


def _first(found: Facts = facts(), now: datetime = AT) -> Callable[[Paths], object]:  # noqa: B008 - frozen
    return lambda paths: issuer(paths).issue(found, now)


def _again(paths: Paths) -> object:
    return issuer(paths).reissue(NUMBER, all_bytes_gone(MONTHS_LATER), MONTHS_LATER)


@pytest.mark.parametrize(
    ("is_there", "attempt", "files"),
    [
        (False, _first(), ["1.html", "1.json", "1.pdf"]),
        (False, _first(mixed(5)), ["1.html", "1.json", "1.pdf", "proofs.jsonl"]),
        (True, _again, ["1.html", "1.json", "1.pdf", "2.html", "2.json", "2.pdf"]),
    ],
    ids=["first", "first of many", "again"],
)
def test_killed_before_any_line_a_retry_completes_it(
    paths: Paths, tmp_path: Path, is_there: bool, attempt: Callable[[Paths], object], files: list[str]
) -> None:
    """A kill before any other line leaves what one of these leaves."""
    modules = (durable_files, issue)

    def house(name: str) -> Paths:
        made = Paths(home=tmp_path / name, keys_dir=paths.keys_dir)
        made.home.mkdir()
        if is_there:
            issuer(made).issue(facts(), AT)
        return made

    looked_at = house("look")
    seen, last = lines_that_see(looked_at.home, lambda: attempt(looked_at), modules)
    assert len(seen) >= len(files) - 3 * is_there
    for line in sorted({1, *seen, last}):
        killed = house(f"killed-{line}")
        assert killed_before(line, lambda home=killed: attempt(home), modules)  # type: ignore[misc]
        folder = folder_of(killed, NUMBER)
        signed = {file.name: file.read_bytes() for file in folder.glob("*.json")}
        attempt(killed)
        assert names(killed) == files
        assert {name: (folder / name).read_bytes() for name in signed} == signed
        verify(folder / files[-3 if "proofs.jsonl" in files else -2], signing.Signer(paths).public_key)


def _at_once(paths: Paths, second: int) -> tuple[str, bool]:
    issued = issuer(paths).issue(facts(), AT + timedelta(seconds=second))
    return issued.certificate.signature.value, issued.is_new


def test_many_at_once_make_one_certificate(paths: Paths) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        made = list(pool.map(partial(_at_once, paths), range(8)))
    assert len({signature for signature, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1
    assert names(paths) == ["1.html", "1.json", "1.pdf"]


def test_two_at_once_issue_one_revision_after_the_other(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes between the first's look at what there is and its own revision: neither is lost."""
    issuer(paths).issue(facts(), AT)
    create = durable_files.create

    def late(file: Path, content: bytes) -> bool:
        monkeypatch.setattr(durable_files, "create", create)
        issuer(paths).reissue(NUMBER, Progress(bytes_gone={System.KAFKA: GONE}), LATER)
        return create(file, content)

    monkeypatch.setattr(durable_files, "create", late)
    last = issuer(paths).reissue(NUMBER, Progress(bytes_gone={System.MONGODB: GONE}), LATER)
    assert (last.is_new, last.certificate.revision) == (True, 3)
    assert [part.state for part in last.certificate.levels[3].parts] == ["reached", "pending", "reached"]
    assert document(paths, 3)["previous"] == signing.digest(document(paths, 2))
