"""Certificates as files: `certificates/<number>/<revision>.json`, and `.html` and `.pdf` made from that alone.

The signed JSON is what counts, and whoever creates it first has issued that revision. Everything else is made from it,
so that an attempt after a kill, or two at once, end in the same files.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from lethe import durable_files
from lethe.errors import CertificateError
from lethe.evidence import signing
from lethe.register.model import Register
from lethe.requests.certificate import bulk, compose, model, printed
from lethe.requests.certificate.facts import Facts, Progress, RecipientFacts
from lethe.requests.certificate.levels import advanced
from lethe.requests.certificate.model import Body, Certificate, Level, Recipient, State
from lethe.settings import Paths, TopicSettings

PROOFS: Final = "proofs.jsonl"
_REVISION = re.compile(r"([1-9]\d{0,9})\.json")
_FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Issued:
    """A revision on disk. `is_new`: this call has issued it."""

    certificate: Certificate
    file: Path
    is_new: bool


class Issuer:
    """Issues as this installation.

    Raises ConfigurationError where the signing key is missing, malformed or open to others.
    """

    def __init__(
        self, register: Register, paths: Paths | None = None, topics: TopicSettings | None = None
    ) -> None:
        self._register = register
        self._paths = paths or Paths()
        self._topics = topics or TopicSettings()
        self._signer = signing.Signer(self._paths)

    def issue(self, facts: Facts, now: datetime | None = None) -> Issued:
        """The first revision of a case's certificate, or the newest where there is one already.

        Raises CertificateError where the facts allow none, or where there is one about other subjects: a number never
        has two first revisions.
        """
        body = compose.first(facts, self._register, self._topics, now or datetime.now(UTC))
        folder = folder_of(self._paths, body.number)
        is_new = newest_file(folder) is None and self._created(folder, body)
        first, _ = self._own(folder / "1.json")
        if first.subjects != body.subjects or first.case.id != body.case.id:
            raise CertificateError(f"certificate {body.number}: it is there already, about other subjects")
        if len(facts.subjects) > 1:
            lines = bulk.as_lines(bulk.proofs(body.number, facts.subjects))
            durable_files.create(folder / PROOFS, lines)
        return self._completed(folder, is_new=is_new)

    def reissue(self, number: str, progress: Progress, now: datetime | None = None) -> Issued:
        """A further revision where something was reached or told since the newest; else that one.

        What was reached stays reached, by whomever and in whatever order it is told. Raises CertificateError where
        there is no such certificate, or SignatureError where this installation did not sign it.
        """
        at, folder = now or datetime.now(UTC), folder_of(self._paths, number)
        while (file := newest_file(folder)) is not None:
            held, document = self._own(file)
            levels = advanced(held.levels, progress, at)
            told = self._told(held.recipients, progress.recipients)
            if _states(levels) == _states(held.levels) and told == held.recipients:
                return self._completed(folder, is_new=False)
            body = Body(
                **held.model_dump(
                    exclude={"signature", "revision", "previous", "issued_at", "levels", "recipients"}
                ),
                revision=held.revision + 1,
                previous=signing.digest(document),
                issued_at=max(at, held.issued_at),
                levels=levels,
                recipients=told,
            )
            if self._created(folder, body):
                return self._completed(folder, is_new=True)
        raise CertificateError(f"certificate {number}: there is none here")

    def _told(self, held: tuple[Recipient, ...], told: tuple[RecipientFacts, ...]) -> tuple[Recipient, ...]:
        unknown = [each.recipient for each in told if each.recipient not in self._register.recipients]
        if unknown:
            raise CertificateError(f"certificate: recipient {unknown[0]}: not in the register")
        before = {each.name: each for each in held}
        found = {each.name: each for each in compose.recipients(told, self._register)}
        return tuple(_merged(before.get(name), found.get(name)) for name in dict.fromkeys([*before, *found]))

    def _created(self, folder: Path, body: Body) -> bool:
        _make(folder, self._paths.evidence)
        document = self._signer.sign(model.document(body))
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        return durable_files.create(folder / f"{body.revision}.json", text.encode())

    def _own(self, file: Path) -> tuple[Certificate, dict[str, Any]]:
        document: dict[str, Any] = json.loads(file.read_bytes())
        signing.verify(document, self._signer.public_key)
        return model.read(document), document

    def _completed(self, folder: Path, *, is_new: bool) -> Issued:
        """The newest revision, once every revision has been printed."""
        for file in revisions(folder):
            certificate, _ = self._own(file)
            for suffix, content in printed.FORMATS.items():
                if not file.with_suffix(suffix).exists():
                    durable_files.create(file.with_suffix(suffix), content(certificate))
        return Issued(certificate, file, is_new)


def folder_of(paths: Paths, number: str) -> Path:
    """Where a certificate's files are."""
    return paths.evidence / "certificates" / number


def revisions(folder: Path) -> list[Path]:
    """The signed files in a certificate's folder, oldest first."""
    found = [
        (int(match[1]), file) for file in folder.glob("*.json") if (match := _REVISION.fullmatch(file.name))
    ]
    return [file for _, file in sorted(found)]


def newest_file(folder: Path) -> Path | None:
    """The newest revision; None where there is none."""
    found = revisions(folder)
    return found[-1] if found else None


def pending(paths: Paths) -> Iterator[Certificate]:
    """The newest revision of each certificate of which a level is still to be reached, by number."""
    for folder in sorted((paths.evidence / "certificates").glob("*-*")):
        file = newest_file(folder)
        if file is None:
            continue
        certificate = model.read(json.loads(file.read_bytes()))
        if any(level.state is State.PENDING for level in certificate.levels):
            yield certificate


def _make(folder: Path, evidence: Path) -> None:
    """The folder and those above it, up to the one for evidence, each on disk with its name."""
    missing = [each for each in (folder, folder.parent, evidence) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        durable_files.sync_folder(each.parent)


def _states(levels: tuple[Level, ...]) -> list[tuple[State, ...]]:
    return [(level.state, *(part.state for part in level.parts)) for level in levels]


def _merged(held: Recipient | None, told: Recipient | None) -> Recipient:
    """What was told of a recipient first stays."""
    if held is None or told is None:
        return held or told  # type: ignore[return-value]  # one of them is there
    return held.model_copy(
        update={
            "told_at": held.told_at or told.told_at,
            "answered_at": held.answered_at or told.answered_at,
        }
    )
