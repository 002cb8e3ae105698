"""Many subjects in one certificate: each has a proof that leads to its root, and nobody else's does."""

import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.errors import CertificateError, SignatureError
from lethe.evidence import signing
from lethe.requests.certificate import bulk, compose
from lethe.requests.certificate.compose import number_of
from lethe.requests.certificate.facts import Outcome
from lethe.requests.certificate.issue import PROOFS, Issuer, folder_of
from lethe.requests.certificate.model import Certificate
from lethe.requests.certificate.verify import verify_proofs
from lethe.settings import Paths
from tests.unit.requests.certificate.examples import AT, CASE_ID, REGISTER, TOPICS, facts, mixed, ref

NUMBER = number_of(CASE_ID)


@cache
def certificate(people: int) -> Certificate:
    body = compose.first(mixed(people), REGISTER, TOPICS, AT)
    signature = {"algorithm": "Ed25519", "key_id": "0" * 16, "value": "AAAA"}
    return Certificate(**body.model_dump(), signature=signature)


@settings(deadline=None)
@given(people=st.integers(2, 40))
def test_every_subject_has_a_proof_with_their_outcome(people: int) -> None:
    whole, found = certificate(people), mixed(people)
    proofs = list(bulk.proofs(NUMBER, found.subjects))
    assert {each.audit_ref: each.outcome for each in proofs} == {
        each.audit_ref: each.outcome for each in found.subjects
    }
    for each in proofs:
        bulk.verify(each, whole)


@settings(deadline=None)
@given(
    people=st.integers(2, 20),
    at=st.integers(0, 19),
    change=st.sampled_from(["outcome", "ref", "index", "proof"]),
)
def test_a_proof_that_was_changed_leads_nowhere(people: int, at: int, change: str) -> None:
    proofs = list(bulk.proofs(NUMBER, mixed(people).subjects))
    proof = proofs[at % people]
    other = Outcome.ERASED if proof.outcome is Outcome.NOTHING_HELD else Outcome.NOTHING_HELD
    changes: dict[str, object] = {
        "outcome": {"outcome": other},
        "ref": {"audit_ref": ref(10**9)},
        "index": {"index": (proof.index + 1) % people},
        "proof": {"proof": proof.proof[:-1]},
    }[change]  # type: ignore[assignment]
    with pytest.raises(SignatureError, match="root"):
        bulk.verify(proof.model_copy(update=changes), certificate(people))  # type: ignore[arg-type]


def test_the_order_in_which_people_were_told_changes_nothing() -> None:
    found = mixed(9)
    turned = replace(found, subjects=found.subjects[::-1])
    assert bulk.subjects(turned.subjects) == bulk.subjects(found.subjects)


def test_the_certificate_counts_them_by_outcome() -> None:
    told = bulk.subjects(mixed(9).subjects)
    assert (told.count, told.outcomes) == (9, {Outcome.ERASED: 6, Outcome.NOTHING_HELD: 3})


def test_a_proof_of_another_certificate_is_told() -> None:
    (proof, *_) = bulk.proofs(number_of("another-case"), mixed(4).subjects)
    with pytest.raises(SignatureError, match="another certificate"):
        bulk.verify(proof, certificate(4))


def test_a_certificate_of_one_needs_no_proof() -> None:
    body = compose.first(facts(), REGISTER, TOPICS, AT)
    (proof, *_) = bulk.proofs(NUMBER, mixed(4).subjects)
    with pytest.raises(SignatureError, match="of one person"):
        bulk.verify(proof, certificate(4).model_copy(update={"subjects": body.subjects}))


def test_proofs_lie_beside_it_one_a_line(paths: Paths) -> None:
    issued = Issuer(REGISTER, paths, TOPICS).issue(mixed(7), AT)
    file = folder_of(paths, NUMBER) / PROOFS
    assert verify_proofs(file, issued.certificate) == 7
    assert len(file.read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("", SignatureError, "holds no proof"),
        ("no json\n", SignatureError, "line 1: not a JSON document"),
        ("{}\n", CertificateError, "proof: certificate: Field required"),
    ],
)
def test_what_is_no_proof_is_told(tmp_path: Path, text: str, kind: type[Exception], why: str) -> None:
    file = tmp_path / "proof.json"
    file.write_text(text)
    with pytest.raises(kind, match=why):
        verify_proofs(file, certificate(4))


def test_ten_thousand_proofs_take_seconds(paths: Paths) -> None:
    begun = time.process_time()
    issued = Issuer(REGISTER, paths, TOPICS).issue(mixed(10_000), AT)
    lines = (folder_of(paths, NUMBER) / PROOFS).read_bytes().splitlines()
    assert time.process_time() - begun < 20
    assert len(lines) == 10_000
    bulk.verify(bulk.read_proof(json.loads(lines[5_000])), issued.certificate)
    assert signing.digest(json.loads(issued.file.read_bytes()))
