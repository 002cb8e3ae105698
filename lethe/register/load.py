"""Read `register.yaml`, and say everything that is wrong with it, each with its line."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lethe.errors import RegisterError
from lethe.register import consistency
from lethe.register.model import Register
from lethe.register.source import Place, Problem, Source, dotted, read
from lethe.settings import Paths

_SECTIONS = ("subjects", "purposes", "recipients", "categories", "retentions", "stores", "fields")


def load(path: Path | None = None) -> Register:
    """The register in a file, by default the project's own.

    Raises RegisterError with one line `file:line: what` for each problem, in the file's order.
    """
    file = path or Paths().register_file
    source = _read(file)
    return _accept(file, *_validate(source))


def check(path: Path | None = None) -> Register:
    """Like `load`, and every policy version's wording has the SHA-256 that the register says (Art. 7(1))."""
    file = path or Paths().register_file
    source = _read(file)
    register, problems = _validate(source)
    if register is not None:
        problems += _wordings(register, source, file.parent)
    return _accept(file, register, problems)


@cache
def current() -> Register:
    """The project's register, read once a process."""
    return load()


def _read(file: Path) -> Source:
    try:
        return read(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RegisterError(
            f"{file}: can't be read: {reason}; name another by LETHE_REGISTER_FILE"
        ) from error


def _accept(file: Path, register: Register | None, problems: Iterable[Problem]) -> Register:
    told = [f"{file}:{problem.line}: {problem.what}" for problem in sorted(set(problems))]
    if told or register is None:
        raise RegisterError("\n".join(told))
    return register


def _validate(source: Source) -> tuple[Register | None, list[Problem]]:
    """The register, as far as it can be made, and everything that is wrong with it."""
    problems = list(source.problems)
    if not isinstance(source.data, dict):
        nothing = Problem(1, "not a mapping of sections, such as `purposes:` and `fields:`")
        return None, problems or [nothing]
    try:
        register = Register.model_validate(source.data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [_problem(source, detail) for detail in details]
        rest = _rest(source.data, (detail["loc"] for detail in details))
        if rest is None:
            return None, problems
        register = rest
    names = {section: set(_mapping(source.data, section)) for section in _SECTIONS}
    problems += [
        Problem(source.line_of(finding.place), f"{dotted(finding.place)}: {finding.what}")
        for finding in consistency.find(register, names)
    ]
    return register, problems


def _wordings(register: Register, source: Source, folder: Path) -> Iterator[Problem]:
    for name, policy in register.policy_versions.items():
        place: Place = ("policy_versions", name)
        try:
            found = hashlib.sha256((folder / policy.wording).read_bytes()).hexdigest()
        except OSError as error:
            yield Problem(
                source.line_of((*place, "wording")),
                f"{dotted((*place, 'wording'))}: {policy.wording} can't be read: {error.strerror}",
            )
            continue
        if found != policy.sha256:
            yield Problem(
                source.line_of((*place, "sha256")),
                f"{dotted((*place, 'sha256'))}: {policy.wording} has {found}; a changed wording is a new version",
            )


def _mapping(data: Mapping[str, object], section: str) -> Mapping[str, object]:
    found = data.get(section)
    return found if isinstance(found, dict) else {}


def _problem(source: Source, detail: ErrorDetails) -> Problem:
    place: Place = tuple(part for part in detail["loc"] if part != "[key]")
    line = source.line_of(place)
    match detail["type"]:
        case "extra_forbidden":
            what = "unknown key"
        case "missing":
            what = "missing"
        case "enum":
            what = f"{detail['input']!r} is not one of {detail.get('ctx', {}).get('expected', '')}"
        case "value_error":
            what = str(detail.get("ctx", {}).get("error", detail["msg"]))
        case _:
            what = detail["msg"][0].lower() + detail["msg"][1:]
    return Problem(line, f"{dotted(place)}: {what}")


def _rest(data: Mapping[str, object], places: Iterable[Place]) -> Register | None:
    """The register without the entries that are wrong in themselves, so that what is left is checked as well.

    None where more is wrong than unknown sections and single entries of sections.
    """
    rest = dict(data)
    for place in places:
        section = str(place[0]) if place else ""
        entries = rest.get(section)
        if section not in Register.model_fields:
            rest.pop(section, None)
        elif section in _SECTIONS and len(place) > 1 and isinstance(entries, dict):
            rest[section] = {name: entry for name, entry in entries.items() if name != place[1]}
    try:
        return Register.model_validate(rest)
    except ValidationError:
        return None
