"""Every bad register is told with file, line and what is wrong; what is wrong in one place hides no other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lethe.errors import RegisterError
from lethe.register.load import check, current, load
from tests.unit.register.registers import SHIPPED, edited, line_of, problems

GENDER = "  gender:\n    category: gender\n    protection: plain\n"


def test_the_shipped_register_is_valid() -> None:
    assert load(SHIPPED).controller.name.startswith("EXAMPLE")


def test_the_current_register_is_read_once_a_process() -> None:
    assert current() is current()


def test_a_register_is_read_within_150_ms_on_a_quiet_machine() -> None:
    # The processor time of a process of its own: other work on the machine doesn't count.
    code = (
        "import time; from lethe.register.load import load; "
        "start = time.process_time(); load(); print(time.process_time() - start)"
    )
    taken = min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    )
    assert taken < 0.15


PICTURE = (
    "{ category: picture, protection: drop, purposes: [], recipients: [], stores: [kafka.user_profiles] }"
)

# (text in the shipped register, what it becomes, text on the line that is told, what is told)
WRONG_ENTRIES = {
    "an unknown key": (
        GENDER,
        GENDER + "    colour: blue\n",
        "colour: blue",
        "fields.gender.colour: unknown key",
    ),
    "an unknown section": (
        "purposes:\n  account:",
        "porpoises: {}\npurposes:\n  account:",
        "porpoises: {}",
        "porpoises: unknown key",
    ),
    "a field twice": (
        "  picture.large: {",
        f"  picture.large: {PICTURE} # again\n  picture.large: {{",
        "  picture.large: { category: picture, protection: drop, purposes: [], recipients: [], stores: "
        "[kafka.user_profiles], ",
        'fields."picture.large": given twice, first in line {first}',
    ),
    "a missing key": (
        GENDER,
        "  gender: # here\n    protection: plain\n",
        "  gender: # here",
        "fields.gender.category: missing",
    ),
    "a protection that is none": (
        GENDER,
        GENDER.replace("plain", "hidden"),
        "protection: hidden",
        "fields.gender.protection: 'hidden' is not one of 'plain', 'generalise', 'encrypt' or 'drop'",
    ),
    "a basis that is none": (
        "basis: contract",
        "basis: habit",
        "basis: habit",
        "purposes.account.basis: 'habit' is not one of 'consent', 'contract', 'legal_obligation', "
        "'vital_interests', 'public_task' or 'legitimate_interests'",
    ),
    "a retention that is no duration": (
        "period: P3Y, counts_from: event_time",
        "period: 3 years, counts_from: event_time",
        "period: 3 years",
        "retentions.profile.period: '3 years' is not an ISO 8601 duration, such as P3Y, P18M, P7D or PT12H",
    ),
    "a retention of no time": (
        "period: P7D, counts_from: at",
        "period: P0D, counts_from: at",
        "period: P0D",
        "retentions.quarantine.period: 'P0D' is not a period between a second and 1,000 years",
    ),
    "a type that YAML took another way": (
        "minimum_age: 16 #",
        "minimum_age: '16' #",
        "minimum_age: '16'",
        "minimum_age: input should be a valid integer",
    ),
    "a country that YAML takes for false": (
        "kind: processor, knows_by: email, country: NL",
        "kind: processor, knows_by: email, country: NO",
        "country: NO",
        "recipients.mail_sender.country: input should be a valid string",
    ),
    "a store on no system": (
        "  files.spark:\n",
        "  floppy.spark:\n",
        "  floppy.spark:",
        'stores."floppy.spark": string should match pattern '
        "'^(kafka|cassandra|mongodb|airflow|files)[.][a-z][a-z0-9_]*$'",
    ),
    "a list that is none": (
        "transfers: [] #",
        "transfers: none #",
        "transfers: none",
        "transfers: input should be a valid tuple",
    ),
    "no minimum age that a law may set": (
        "minimum_age: 16 #",
        "minimum_age: 12 #",
        "minimum_age: 12",
        "minimum_age: input should be greater than or equal to 13",
    ),
}


@pytest.mark.parametrize("name", WRONG_ENTRIES)
def test_a_wrong_entry_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    before, after, on_line, what = WRONG_ENTRIES[name]
    file = edited(tmp_path, (before, after))
    first = line_of(file, "# again") if "{first}" in what else 0
    lines = file.read_text(encoding="utf-8").splitlines()
    (line,) = [n for n, text in enumerate(lines, 1) if f"{text}\n".find(on_line) >= 0]
    assert problems(file) == [f"{line}: {what.format(first=first)}"]


def test_a_missing_section_is_told(tmp_path: Path) -> None:
    file = edited(tmp_path, ("transfers: [] # to third countries or international organisations\n", ""))
    assert problems(file) == ["1: transfers: missing"]


def test_everything_that_is_wrong_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = edited(
        tmp_path,
        ("basis: contract", "basis: habit"),
        ("period: P3Y, counts_from: event_time", "period: P3X, counts_from: event_time"),
        (GENDER, GENDER + "    colour: blue\n"),
        ("    column: nationality\n", "    column: nationality\n    column: nation\n"),
        ("    from: [email]\n", "    from: [mail]\n"),
        (
            "    recipients: [customer_service]\n    stores: [cassandra.profiles]\n    retention: profile\n"
            "  birth_month:",
            "    recipients: [nobody]\n    stores: [cassandra.profiles]\n    retention: profile\n"
            "  birth_month:",
        ),
    )
    told = problems(file)
    assert [line.split(": ", 1)[1].split(":")[0] for line in told] == [
        "purposes.account.basis",
        "retentions.profile.period",
        "fields.gender.colour",
        "fields.nat.column",
        "fields.email_domain.from[0]",
        "fields.postcode_area.recipients[0]",
    ]
    numbers = [int(line.split(":")[0]) for line in told]
    assert numbers == sorted(numbers)


def test_an_entry_that_is_wrong_in_itself_still_counts_as_declared(tmp_path: Path) -> None:
    file = edited(tmp_path, ("basis: contract", "basis: habit"))
    assert len(problems(file)) == 1


@pytest.mark.parametrize("text", ["", "[]", "register", "null"])
def test_a_file_without_sections_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "register.yaml"
    file.write_text(text, encoding="utf-8")
    assert problems(file) == ["1: not a mapping of sections, such as `purposes:` and `fields:`"]


def test_a_file_that_is_no_yaml_is_told_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "register.yaml"
    file.write_text("role: controller\nfields: [\n", encoding="utf-8")
    (told,) = problems(file)
    assert told.startswith("3: not YAML: ")


def test_a_file_that_is_not_there_is_told_without_a_line(tmp_path: Path) -> None:
    with pytest.raises(
        RegisterError, match="can't be read: No such file or directory; name another by LETHE_REG"
    ):
        load(tmp_path / "register.yaml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "register.yaml"
    file.write_bytes(b"role: contr\xf4leur\n")
    with pytest.raises(RegisterError, match="can't be read: it is not UTF-8"):
        load(file)


def test_the_project_s_register_can_be_another_file(tmp_path: Path) -> None:
    file = edited(tmp_path, ("minimum_age: 16 #", "minimum_age: 14 #"))
    code = "from lethe.register.load import current; print(current().minimum_age)"
    environment = os.environ | {"LETHE_REGISTER_FILE": str(file)}
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert told.stdout == "14\n"


def test_the_shipped_wordings_have_the_hashes_that_the_register_says() -> None:
    assert sorted(check(SHIPPED).policy_versions) == ["2026-01", "2026-06"]


def test_a_wording_that_was_changed_is_told(tmp_path: Path) -> None:
    file = edited(tmp_path)
    for version in ("2026-01", "2026-06"):
        wording = tmp_path / f"docs/policies/{version}.en.md"
        wording.parent.mkdir(parents=True, exist_ok=True)
        wording.write_bytes((SHIPPED.parent / f"docs/policies/{version}.en.md").read_bytes())
    check(file)
    wording.write_bytes(wording.read_bytes() + b" ")
    line = line_of(file, load(file).policy_versions["2026-06"].sha256)
    with pytest.raises(RegisterError) as caught:
        check(file)
    told = str(caught.value)
    assert told.startswith(f"{file}:{line}: policy_versions.2026-06.sha256: docs/policies/2026-06.en.md has ")
    assert told.endswith("; a changed wording is a new version")


def test_a_wording_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = edited(tmp_path)
    with pytest.raises(RegisterError) as caught:
        check(file)
    line = line_of(file, "wording: docs/policies/2026-01.en.md")
    assert str(caught.value).splitlines()[0] == (
        f"{file}:{line}: policy_versions.2026-01.wording: docs/policies/2026-01.en.md can't be read: "
        "No such file or directory"
    )
