"""The keys of this installation: of the key state in force, under its pepper."""

from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import load_pepper
from lethe.protection.subject_keys import SubjectKeys
from lethe.settings import Paths


def subject_keys(paths: Paths | None = None) -> SubjectKeys:
    """Subject keys as they are now; raises KeyStateError and ConfigurationError as KeyStore.load and load_pepper do."""
    where = paths or Paths()
    return SubjectKeys(KeyStore(where).load(), load_pepper(where))
