"""What the register says of each store in an erasure: to be asked, to be tombstoned, or why it stays."""

from enum import StrEnum

from lethe.register.entries import Store
from lethe.register.model import Register
from lethe.register.terms import Reference, System

SUBJECTS = "users"
RIGHTS = "rights"  # the purpose of what shows that a request was answered (GDPR Art. 17(3)(b))
_PROFILES = (System.CASSANDRA, System.MONGODB)


def system_of(store: str) -> System:
    """What a store stands on: the first part of its name."""
    return System(store.split(".", maxsplit=1)[0])


class Treatment(StrEnum):
    """What an erasure does about a store."""

    ERASED = "erased"
    TOMBSTONED = "tombstoned"
    KEPT = "kept"
    FIGURES = "figures"


def treatment(name: str, store: Store) -> Treatment:
    """By the register alone.

    A topic that a subject is found in gets tombstones; a table or collection, unless all of it answers requests, is
    erased; what names nobody is figures. What knows a subject by audit_ref knows nobody any more once the key is
    destroyed: that, and everything else stays for the reason that the register gives.
    """
    system = system_of(name)
    if store.reference is Reference.NONE:
        return Treatment.FIGURES
    if store.found_by is None or set(store.purposes) <= {RIGHTS} or store.reference is Reference.AUDIT_REF:
        return Treatment.KEPT
    if system is System.KAFKA:
        return Treatment.TOMBSTONED
    return Treatment.ERASED if system in _PROFILES else Treatment.KEPT


def stores(register: Register, *treatments: Treatment) -> dict[str, Store]:
    """The stores about subjects that get one of these treatments, in the register's order."""
    return {
        name: store
        for name, store in register.stores.items()
        if SUBJECTS in store.subjects and treatment(name, store) in treatments
    }
