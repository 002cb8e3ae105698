"""docs/protection.md says what the code does."""

import re

import pytest

from lethe import errors
from lethe.protection import fields, ggm, state_file, subject_keys
from lethe.protection.key_state import KeyState
from lethe.settings import PROJECT
from tests.unit.docs.pages import codes, page

PAGE = page("docs/protection.md")
TEXT = " ".join(PAGE.file.read_text(encoding="utf-8").split())


def test_the_labels_are_those_of_the_code() -> None:
    listed = [codes(row["label"])[0].strip('"').encode() for row in PAGE.table("From root to key")]
    assert listed == [subject_keys._KEY, subject_keys._CONTRIBUTION, subject_keys._AUDIT]
    assert f'message = "{subject_keys._LEAF.decode()}" ||' in TEXT
    assert f"`{ggm.GENERATOR_KEY.hex()}`" in TEXT
    assert f'"{state_file._MAGIC.decode()}" || version: {state_file._VERSION:02} ||' in TEXT


def test_the_places_in_a_blob_are_those_of_the_code() -> None:
    rows = PAGE.table("The blob")
    lengths = [int(row["length"]) for row in rows[:-1]]
    assert lengths == [1, 4, 4, fields.REGISTER_BYTES, fields.NONCE_BYTES]
    begins = [int(re.findall(r"\d+", row["bytes"])[0]) for row in rows]
    assert begins == [sum(lengths[:at]) for at in range(len(rows))]
    assert codes(rows[0]["what"]) == [f"{fields.VERSION:02}"]


def test_the_errors_exist() -> None:
    names = [codes(row["error"])[0] for row in PAGE.table("What errors mean")]
    assert all(issubclass(getattr(errors, name), errors.LetheError) for name in names)


@pytest.mark.parametrize("quoted", re.findall(r'`KeyStateError`: "([^"]*)"', TEXT))
def test_an_error_that_is_quoted_is_raised_somewhere(quoted: str) -> None:
    code = "".join(
        file.read_text(encoding="utf-8") for file in (PROJECT / "lethe" / "protection").glob("*.py")
    )
    for part in quoted.split("…"):
        assert part.strip() in code


def test_the_smallest_sizes_are_those_of_the_code() -> None:
    sizes = {row["punctures"]: row["size of the state"] for row in PAGE.table("The key state")}
    assert sizes["0"] == f"{len(state_file.seal(bytes(32), KeyState.new(bytes(16))))} bytes"
