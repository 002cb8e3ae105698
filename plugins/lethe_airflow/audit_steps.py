"""The steps of `verify_audit_trail`, as the auditor."""

import logging

from lethe.audit import checkpointing, checkpoints
from lethe.audit import verify as verifying
from lethe.evidence.signing import Signer
from lethe.settings import Paths
from lethe.stores.mongodb import database
from lethe_airflow.connections import AUDITOR, mongo_client

LOG = logging.getLogger(__name__)


def verify() -> int:
    """How many entries the trail has; the run fails where it is not intact, with every finding in the log."""
    files = checkpoints.files(checkpoints.folder(Paths()))
    with mongo_client(AUDITOR) as client:
        found = verifying.verify(client, database(client), Signer().public_key, files)
    for line in found.report.lines():
        LOG.info("%s", line)
    checkpointing.insist(found)
    return found.report.size


def checkpoint() -> str:
    """The name of the checkpoint that was written."""
    with mongo_client(AUDITOR) as client:
        file, _ = checkpointing.checkpoint(client, database(client), Paths(), Signer())
    LOG.info("checkpoint %s", file.name)
    return file.name
