"""The signed end of entries: what verification goes on from, and what it does not believe."""

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.audit import acts
from lethe.audit.acts import Act
from lethe.audit.entry import Action, Entry, entry_hash
from lethe.audit.segments import period_of
from lethe.audit.tree import Tree
from lethe.errors import SignatureError
from lethe.evidence.signing import Signer, create_key
from lethe.moments import time_text
from lethe.register.load import load
from lethe.register.schema import mongodb_ttls
from lethe.settings import Paths
from tests.unit.audit.entries import WHO, Stored, checkpoint_of, head_of, kinds, stored, trail, verified
from tests.unit.register.registers import SHIPPED

COUNT, UNTIL = 12, 5
CUTOFF = datetime(2026, 12, 1, tzinfo=UTC)
NOW = CUTOFF + timedelta(days=30)
TRAIL = trail(COUNT)


def act_of(documents: list[Stored], cutoff: datetime = CUTOFF) -> Act:
    tree = Tree()
    for document in documents:
        tree.add(entry_hash(document))
    return Act(len(documents), head_of(documents)[1], tuple(tree.peaks), cutoff, "P30D", NOW)


def with_act(signer: Signer) -> list[Stored]:
    """The trail with an act at its end that ends its first entries; they are there still."""
    size, head = head_of(TRAIL)
    result = {"act": act_of(TRAIL[:UNTIL]).signed(signer)}
    entry = Entry(WHO, Action.TRAIL_DROP, "rights", f"drop:{UNTIL}", result=result)
    return [*TRAIL, *stored([entry], size, head)]


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    paths = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    create_key(paths)
    return Signer(paths)


def held(documents: list[Stored], signer: Signer) -> dict[int, Act]:
    return {documents[-1]["_id"]: acts.read(documents[-1], signer.public_key)}


def test_what_is_signed_is_what_is_read(signer: Signer) -> None:
    document = with_act(signer)[-1]
    assert acts.read(document, signer.public_key) == act_of(TRAIL[:UNTIL])


def test_verification_goes_on_where_the_act_ended(signer: Signer) -> None:
    documents = with_act(signer)
    head = head_of(documents)
    signed = [checkpoint_of(documents[:size], f"c{size}") for size in (3, UNTIL, 9, COUNT + 1)]
    report = verified(documents[UNTIL:], head, *signed, held=held(documents, signer))
    assert report.is_intact
    assert (report.first, report.size, report.compared, report.covered) == (UNTIL, COUNT + 1, 3, 1)
    assert report.root == signed[-1].root


def test_entries_that_have_left_and_are_there_still_are_counted(signer: Signer) -> None:
    documents = with_act(signer)
    report = verified(documents[2:], head_of(documents), held=held(documents, signer))
    assert (report.is_intact, report.first, report.left) == (True, UNTIL, UNTIL - 2)


@given(st.integers(UNTIL + 1, COUNT))
def test_what_is_cut_beyond_the_act_is_no_end_that_was_due(first: int) -> None:
    act = act_of(TRAIL[:UNTIL])
    report = verified(TRAIL[first:], head_of(TRAIL), held={COUNT: act})
    expected = "dropped_unsigned" if first < COUNT else "truncated"
    assert kinds(report) == {expected}
    assert (next(iter(report.findings)).first, next(iter(report.findings)).last) == (UNTIL, first - 1)


@pytest.mark.parametrize("name", ["until", "root", "head", "peaks", "cutoff", "period", "at"])
def test_an_act_that_was_edited_is_none(signer: Signer, name: str) -> None:
    document = copy.deepcopy(with_act(signer)[-1])
    document["result"]["act"][name] = "0" * 64
    with pytest.raises(SignatureError):
        acts.read(document, signer.public_key)


@pytest.mark.parametrize("result", [{}, {"act": 1}, {"act": {"kind": "other"}}, None])
def test_an_entry_that_holds_no_act_is_told(signer: Signer, result: Any) -> None:
    with pytest.raises(SignatureError, match="there is none"):
        acts.read({"result": result}, signer.public_key)


def test_an_act_that_verification_was_not_given_is_bad(signer: Signer) -> None:
    documents = with_act(signer)
    report = verified(documents, head_of(documents))
    assert [(each.kind.value, each.first) for each in report.findings] == [("bad_act", COUNT)]


def test_an_act_that_took_what_its_own_period_keeps_is_found(signer: Signer) -> None:
    early = act_of(TRAIL[:UNTIL], cutoff=CUTOFF + timedelta(days=1))
    assert kinds(verified(TRAIL[UNTIL:], head_of(TRAIL), held={COUNT: early})) == {"dropped_early"}


def test_a_checkpoint_that_is_younger_than_what_was_dropped_after_it_tells_on_the_act() -> None:
    act, young = act_of(TRAIL[:UNTIL]), time_text(CUTOFF + timedelta(days=1))
    report = verified(
        TRAIL[UNTIL:], head_of(TRAIL), checkpoint_of(TRAIL[:3], "kept", young), held={COUNT: act}
    )
    assert [(each.kind.value, each.where) for each in report.findings] == [("dropped_early", "kept")]


def test_the_register_says_how_long_and_no_ttl_index_removes_an_entry() -> None:
    register = load(SHIPPED)
    assert period_of(register) == "P6Y"
    assert "audit_trail" not in mongodb_ttls(register)
