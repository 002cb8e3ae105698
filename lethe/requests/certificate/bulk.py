"""Many subjects in one certificate: a tree over their audit_refs with what became of each, and a proof for each.

A leaf is the canonical JSON (RFC 8785) of `{"audit_ref", "outcome"}`. Leaves stand in the order of their audit_refs,
which tells nothing of the order in which people were asked for.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field, ValidationError

from lethe.errors import CertificateError, SignatureError
from lethe.evidence import merkle, signing
from lethe.requests.certificate.facts import Outcome, SubjectFacts
from lethe.requests.certificate.model import Certificate, Hash, Number, Part, Subjects, first_place


class Proof(Part):
    """That one subject's outcome stands in a certificate: the siblings from leaf to root (RFC 6962 s2.1.1)."""

    certificate: Number
    audit_ref: Hash
    outcome: Outcome
    index: Annotated[int, Field(ge=0, le=2**53 - 1)]
    proof: tuple[Hash, ...]


def _leaf(audit_ref: str, outcome: Outcome) -> bytes:
    return merkle.leaf_hash(signing.canonical({"audit_ref": audit_ref, "outcome": outcome.value}))


def _ordered(subjects: Sequence[SubjectFacts]) -> list[SubjectFacts]:
    return sorted(subjects, key=lambda subject: subject.audit_ref)


def subjects(told: Sequence[SubjectFacts]) -> Subjects:
    """What the certificate says of them all."""
    outcomes = Counter(subject.outcome for subject in told)
    leaves = [_leaf(subject.audit_ref, subject.outcome) for subject in _ordered(told)]
    return Subjects(
        count=len(told),
        outcomes={outcome: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
        merkle_root=merkle.root(leaves).hex(),
    )


def proofs(number: str, told: Sequence[SubjectFacts]) -> Iterator[Proof]:
    """One for each subject, in the leaves' order."""
    ordered = _ordered(told)
    paths = merkle.inclusion_proofs([_leaf(subject.audit_ref, subject.outcome) for subject in ordered])
    for index, (subject, path) in enumerate(zip(ordered, paths, strict=True)):
        yield Proof(
            certificate=number,
            audit_ref=subject.audit_ref,
            outcome=subject.outcome,
            index=index,
            proof=tuple(each.hex() for each in path),
        )


def as_lines(found: Iterator[Proof]) -> bytes:
    """JSON Lines: one proof a line, to be cut apart and given out each alone."""
    lines = (signing.canonical(proof.model_dump(mode="json")) for proof in found)
    return b"".join(line + b"\n" for line in lines)


def read_proof(found: Mapping[str, object]) -> Proof:
    """A proof from its document; raises CertificateError with the first place that is not as it must be."""
    try:
        return Proof.model_validate_json(json.dumps(found))
    except ValidationError as error:
        raise CertificateError(f"proof: {first_place(error)}") from None


def verify(proof: Proof, certificate: Certificate) -> None:
    """See that a subject's outcome stands in the certificate; raises SignatureError, which says why not."""
    told = certificate.subjects
    if proof.certificate != certificate.number:
        raise SignatureError("proof: of another certificate")
    if not isinstance(told, Subjects):
        raise SignatureError("proof: the certificate is of one person, and needs none")
    leaf, path = _leaf(proof.audit_ref, proof.outcome), [bytes.fromhex(each) for each in proof.proof]
    if not merkle.is_included(leaf, proof.index, told.count, path, bytes.fromhex(told.merkle_root)):
        raise SignatureError("proof: it does not lead to the certificate's root")
