"""What is sealed anew, and what is left: by the blobs themselves."""

from lethe.protection.fields import header_of, seal_batch
from lethe.rotation.reencrypt import rename
from lethe.rotation.rows import Counts, Outcome
from tests.unit.rotation.house import MARKETING, REGISTER, SEALED, House, subject


def house_of(people: int) -> House:
    house = House()
    for number in range(people):
        house.tell(subject(number), 1_000 + number)
        house.arrive()
    house.state = house.state.with_new_root(bytes(range(16)))
    return house


def counted(counts: Counts) -> dict[str, int]:
    return {name: n for name, n in counts.document().items() if n and name != "rows"}


def test_generation_and_register_version_of_a_blob_are_kept() -> None:
    house = house_of(1)
    before = {column: house.rows[subject(0)].live()[column][1] for column in (SEALED, MARKETING)}
    assert counted(house.one_pass()) == {"moved": 1}
    for column, old in before.items():
        new = house.rows[subject(0)].live()[column][1]
        assert header_of(new) == header_of(old)._replace(root=2)
        assert house.opens(subject(0), column, new) == house.opens(subject(0), column, old)


def test_an_altered_blob_is_counted_and_stops_nobody_else() -> None:
    house = house_of(5)
    at, blob = house.rows[subject(3)].values[SEALED]
    house.rows[subject(3)].values[SEALED] = (at, blob[:-1] + bytes([blob[-1] ^ 1]))
    short = house.rows[subject(1)].values[MARKETING]
    house.rows[subject(1)].values[MARKETING] = (short[0], short[1][:20])
    counts = house.one_pass()
    assert counted(counts) == {"moved": 3, "unreadable": 2}
    assert not counts.is_clean
    assert house.one_pass().is_stuck


def test_a_row_under_a_root_that_was_dropped_is_as_good_as_erased() -> None:
    house = house_of(2)
    house.state = house.state.without_root(1)
    assert counted(house.one_pass()) == {"erased": 2}


def test_a_row_without_ciphertext_has_its_document_moved() -> None:
    house = house_of(1)
    for column in (SEALED, MARKETING):
        del house.rows[subject(0)].values[column]
    assert counted(house.one_pass()) == {"moved": 1}
    (held,) = house.documents.values()
    assert (held["root"], held["write_time"]) == (2, 1_000_000)


def test_a_subject_without_a_row_has_its_document_moved_once() -> None:
    house = house_of(2)
    house.rows.clear()
    assert rename([subject(0), subject(7)], house.keys, house) == 1
    assert rename([subject(0), subject(7)], house.keys, house) == 0
    assert sorted(held["root"] for held in house.documents.values()) == [1, 2]


def test_rows_of_several_register_versions_are_told_apart() -> None:
    house = house_of(3)
    (derived,) = house.keys.derive([subject(1)], [0], 1)
    assert derived is not None
    other = "f" * 12
    (blob,) = seal_batch([derived], SEALED, other, [{"event": 1}])
    house.rows[subject(1)].values[SEALED] = (house.rows[subject(1)].values[SEALED][0], blob)
    house.one_pass()
    versions = [header_of(house.rows[subject(n)].live()[SEALED][1]).register_version for n in range(3)]
    assert versions == [REGISTER, other, REGISTER]
    assert house.one_pass().by_outcome == {Outcome.CURRENT: 3}
