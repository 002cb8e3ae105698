"""The steps of `rotate_keys` with their connections: opened for a step, closed after it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from lethe.errors import StoreError
from lethe.protection.key_store import KeyStore
from lethe.rotation import record, steps, submit
from lethe.rotation.record import Rotation
from lethe.settings import Paths, RotationSettings
from lethe.stores.mongodb import Client, database
from lethe_airflow.connections import ROTATOR, mongo_client

LOG = logging.getLogger(__name__)


def is_due(by_hand: bool) -> bool:
    """Whether this run is to do something; whoever triggers it by hand wants it now."""
    with mongo_client(ROTATOR) as client:
        reason = record.is_due(database(client), KeyStore(Paths()).load(), RotationSettings())
    LOG.info("a rotation is due: %s", reason or ("asked for" if by_hand else "no"))
    return by_hand or reason is not None


def begin() -> int:
    """Bring the new root; gives its number."""
    submit.prepare(Paths())
    with mongo_client(ROTATOR) as client:
        number = steps.begin(database(client), KeyStore(Paths())).number
    LOG.info("rotation %d has begun", number)
    return number


def await_batches(number: int) -> bool:
    """Whether every batch at work derives under the new root."""
    with _rotation(number) as (client, rotation):
        return steps.await_batches(client, rotation)


def check(number: int) -> dict[str, int]:
    """What the last pass found; the run fails where something is left: to ask again changes nothing."""
    with _rotation(number) as (_, rotation):
        try:
            found = steps.check(rotation)
        except StoreError as error:
            raise AirflowFailException(str(error)) from error
    LOG.info("rotation %d: %s", number, found)
    return found


def drop(number: int) -> bool:
    """Whether the older roots are destroyed."""
    with _rotation(number) as (_, rotation):
        return steps.drop(rotation, KeyStore(Paths()))


WAITS = {each.__name__: each for each in (await_batches, drop)}


@contextmanager
def _rotation(number: int) -> Iterator[tuple[Client, Rotation]]:
    with mongo_client(ROTATOR) as client:
        yield client, Rotation(database(client), number)
