"""Lines of files as users have them: any length, any encoding, any quoting; nothing of them is told."""

import codecs
from io import BytesIO
from pathlib import Path

import pytest

from lethe.errors import InputError
from lethe.producers.lines import Line, Record, check_file, lines, records
from lethe.profiles.contract import MAX_MESSAGE_BYTES


def read(content: bytes) -> list[Line]:
    return list(lines(BytesIO(content)))


def read_csv(text: str, delimiter: str = ",") -> list[Record]:
    return list(records(BytesIO(text.encode()), delimiter))


def test_lines_are_numbered_and_lose_their_ends() -> None:
    assert read(b"a\r\n\nb") == [Line(1, b"a"), Line(2, b""), Line(3, b"b")]


def test_a_byte_order_mark_is_no_content() -> None:
    assert read(codecs.BOM_UTF8 + b"{}\n{}") == [Line(1, b"{}"), Line(2, b"{}")]
    assert read(codecs.BOM_UTF8) == [Line(1, b"")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_as_long_as_a_message_may_be_is_whole(end: bytes) -> None:
    longest = b"x" * MAX_MESSAGE_BYTES
    assert read(longest + end) == [Line(1, longest)]


@pytest.mark.parametrize("length", [MAX_MESSAGE_BYTES + 2, 3 * MAX_MESSAGE_BYTES, 5 << 20])
@pytest.mark.parametrize("end", [b"\nb\n", b"\r\nb\n"])
def test_a_line_that_is_too_long_is_read_past(length: int, end: bytes) -> None:
    assert read(b"a\n" + b"x" * length + end) == [Line(1, b"a"), Line(2, None), Line(3, b"b")]


def test_a_last_line_that_is_too_long_ends_the_file() -> None:
    assert read(b"x" * (4 << 20)) == [Line(1, None)]


def test_records_are_numbered_by_the_line_where_they_begin() -> None:
    found = read_csv('a,b\r\n"1\n2",x\n\n3,"say ""hi"""\n')
    assert found == [Record(1, ["a", "b"]), Record(2, ["1\n2", "x"]), Record(5, ["3", 'say "hi"'])]


def test_another_delimiter() -> None:
    assert read_csv("a;b\n1,5;2\n", ";") == [Record(1, ["a", "b"]), Record(2, ["1,5", "2"])]


@pytest.mark.parametrize("broken", ['1,"x"y', '1,"never closed', '"1,x', "1,2\rx,3"])
def test_a_quoting_problem_costs_one_line_and_not_the_rest(broken: str) -> None:
    found = read_csv(f"a,b\n{broken}\n3,4\n5,6\n")
    assert found == [Record(1, ["a", "b"]), Record(2, None), Record(3, ["3", "4"]), Record(4, ["5", "6"])]


def test_a_quote_that_nothing_closes_in_a_large_file_costs_one_line() -> None:
    rows = "3,4\n" * (2 * MAX_MESSAGE_BYTES // 4)
    found = read_csv('a,b\n1,"x\n' + rows)
    assert [record.number for record in found if record.cells is None] == [2]
    assert len(found) == 2 + 2 * MAX_MESSAGE_BYTES // 4


@pytest.mark.parametrize("length", [MAX_MESSAGE_BYTES + 1, 2 << 20])
def test_a_record_that_is_too_large_is_said_to_be(length: int) -> None:
    found = read_csv(f"a,b\n{'x' * length},1\n3,4\n")
    assert found == [Record(1, ["a", "b"]), Record(2, None, too_large=True), Record(3, ["3", "4"])]


def test_a_cell_may_be_nearly_as_large_as_a_message() -> None:
    assert read_csv(f"{'x' * (MAX_MESSAGE_BYTES - 2)},1\n")[0].cells == ["x" * (MAX_MESSAGE_BYTES - 2), "1"]


def test_a_file_in_another_encoding_is_refused_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"a\n" * 700_000 + "Zo\u00e9".encode("latin-1") + b"\n")
    with pytest.raises(InputError, match=r"people\.csv: line 700001 is not UTF-8") as caught:
        check_file(file)
    assert "Zo" not in str(caught.value)
    file.write_bytes("a\n".encode("utf-16"))
    with pytest.raises(InputError, match="line 1 is not UTF-8"):
        check_file(file)
    file.write_bytes("a\nZo\u00e9".encode()[:-1])
    with pytest.raises(InputError, match="line 2 is not UTF-8"):
        check_file(file)


def test_a_letter_on_the_edge_of_two_pieces_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"x" * ((1 << 20) - 1) + "é".encode())
    check_file(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for file in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match=f"{file}: there is no such file"):
            check_file(file)
