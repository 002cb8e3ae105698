"""What an analyst sees of `profiles`: figures that rest on consent; every other column comes masked.

Cassandra's dynamic data masking (CEP-20): a role without UNMASK is shown nothing in a masked column, and may not ask
for rows by it. It guards against a look by accident. It is no wall: WRITETIME and TTL of a column are never masked, and
a query's paging state names the last row's key.
"""

from lethe.register.model import CONTRIBUTIONS, EMAIL_INDEX, PROFILES, Register
from lethe.register.schema import cassandra_columns

ANALYSTS = "analysts"  # the recipient in the register that the role `analyst` serves


def shown_columns(register: Register) -> frozenset[str]:
    """Columns of `profiles` that analysts see.

    Those that the register gives to analysts and that are stored for the figures' purposes alone. What is kept for
    another purpose too (a month of birth, a nationality) also stands of people who do not consent to figures, and is
    finer than what was made for them (a band of ages, a region).
    """
    figures = register.consent_purposes().intersection(register.stores[CONTRIBUTIONS].purposes)
    return frozenset(
        column.name
        for column in register.stored_columns(PROFILES)
        if ANALYSTS in register.fields[column.field_path].recipients and figures.issuperset(column.purposes)
    )


def mask_statements(register: Register, keyspace: str) -> list[str]:
    """CQL that masks every column of `profiles` but those, and the values of the e-mail index, to all but who looks
    people up by them; each statement can be run again.

    The mask is null, not a default value: nobody takes it for data.
    """
    shown = {PROFILES: shown_columns(register), EMAIL_INDEX: frozenset({"subject_id"})}
    return [
        f"ALTER TABLE {keyspace}.{store.partition('.')[2]} ALTER {name} "
        + ("DROP MASKED" if name in names else "MASKED WITH mask_null()")
        for store, names in shown.items()
        for name in cassandra_columns(register, store)
    ]
