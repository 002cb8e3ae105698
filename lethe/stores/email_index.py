"""`email_index`: whose an e-mail address is, by its blind index; written beside `profiles`, read by intake alone."""

from collections.abc import Iterable

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session

from lethe.errors import ConfigurationError, StoreError
from lethe.profiles.contract import Profile
from lethe.profiles.enrichment import enricher
from lethe.protection.blind_index import BlindIndex
from lethe.register.model import PROFILES, Register
from lethe.settings import Paths
from lethe.stores.cassandra import EMAIL_INDEX, RowWriter

EMAIL = "email"  # the field of the message


def group_of(register: Register) -> str:
    """The group of encrypted fields that holds the address, with which an entry stands and falls.

    Raises ConfigurationError where the register does not store the address encrypted.
    """
    group = register.group_with(PROFILES, EMAIL)
    if group is None:
        raise ConfigurationError(
            f"LETHE_INTAKE_EMAIL_INDEX: the register does not store {EMAIL!r} encrypted in {PROFILES}; turn it off"
        )
    return group.name


class EmailIndex(RowWriter):
    """Writes entries at the write times of the profiles they are of: done twice, a write changes nothing.

    Raises ConfigurationError as `group_of` does, and where the key is missing.
    """

    def __init__(self, session: Session, register: Register, paths: Paths) -> None:
        super().__init__(session, EMAIL_INDEX, ("mac",))
        self.group = group_of(register)
        self._index = BlindIndex(paths)
        columns = [column for column in register.encrypted_columns(PROFILES) if column.field_path == EMAIL]
        self._address = enricher(columns)
        self._end = session.prepare(f"DELETE FROM {EMAIL_INDEX} USING TIMESTAMP ? WHERE subject_id = ?")  # noqa: S608

    def value_of(self, profile: Profile) -> str | None:
        """The index value of a profile's address; None where it has none."""
        (address,) = self._address(profile).values()
        return self._index.value(address) if isinstance(address, str) else None

    def end(self, ended: Iterable[tuple[str, int]]) -> None:
        """Delete the entries of these subjects as of these times (µs). When it returns, all are acknowledged."""
        self.execute_all((self._end, (write_time, subject_id)) for subject_id, write_time in ended)


def subjects_with(session: Session, value: str) -> list[str]:
    """The subjects whose address has this index value; raises StoreError where Cassandra can't be asked."""
    statement = f"SELECT subject_id FROM {EMAIL_INDEX} WHERE mac = %s"  # noqa: S608
    try:
        return sorted(row[0] for row in session.execute(statement, (value,)))
    except (NoHostAvailable, DriverException) as error:
        raise StoreError(f"cassandra: {EMAIL_INDEX} could not be asked: {type(error).__name__}") from error
