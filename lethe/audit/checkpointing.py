"""Make the next checkpoint: of a trail that has just been found intact, and never of another."""

from pathlib import Path

from pymongo.database import Database

from lethe.audit import checkpoints
from lethe.audit.report import Report
from lethe.audit.verify import Verified, verify
from lethe.errors import TrailError
from lethe.evidence.signing import Signer
from lethe.settings import Paths
from lethe.stores.mongodb import Client, Document


def checkpoint(client: Client, db: Database[Document], paths: Paths, signer: Signer) -> tuple[Path, Report]:
    """Verify the trail against every checkpoint of the folder, then sign what it is now; gives the file.

    Killed before the file is whole, nothing is there; repeated, there is one more. Raises TrailError where the trail is
    not intact, and as `verify` does.
    """
    where = checkpoints.folder(paths)
    before = checkpoints.newest(where, signer.public_key)
    growth_from = before.size if before else None
    found = verify(client, db, signer.public_key, checkpoints.files(where), growth_from=growth_from)
    insist(found)
    report = found.report
    proof = found.growth.proof() if found.growth is not None else []
    known = before if found.growth is not None else None
    document = checkpoints.made(report.size, report.root, report.head, known, proof)
    return checkpoints.write(where, document, signer), report


def insist(found: Verified) -> None:
    """Raises TrailError where the trail is not intact; it names the first finding."""
    if not found.report.is_intact:
        first = next(iter(found.report.findings))
        more = found.report.findings.count - 1
        raise TrailError(
            f"the audit trail is not intact: {first}" + (f", and {more} more" if more else "") + "; "
            "see docs/audit.md, When it is not intact"
        )
