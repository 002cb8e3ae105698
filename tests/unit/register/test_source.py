import yaml
from hypothesis import given
from hypothesis import strategies as st

from lethe.register.source import Problem, dotted, read

PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.dates())
DATA = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=12,
)


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@given(DATA)
def test_any_document_is_read_as_yaml_reads_it(data: object) -> None:
    source = read(yaml.dump(data, Dumper=_WithoutAliases))
    assert source.problems == []
    assert source.data == data


def test_every_place_knows_its_line() -> None:
    source = read("a:\n  b: 1\n  c:\n    - x\n    - y: z\nd: {e: f}\n")
    places = [("a",), ("a", "b"), ("a", "c"), ("a", "c", 0), ("a", "c", 1), ("a", "c", 1, "y"), ("d", "e")]
    assert [source.line_of(place) for place in places] == [1, 2, 3, 4, 5, 5, 6]


def test_a_place_that_is_missing_has_the_line_of_what_is_around_it() -> None:
    source = read("a: 1\nb:\n  c: 1\n")
    assert (source.line_of(("b", "d", "e")), source.line_of(("f",))) == (2, 1)


def test_a_key_given_twice_is_told_with_both_lines_and_the_first_stands() -> None:
    source = read("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert source.problems == [Problem(4, "a.b: given twice, first in line 2")]
    assert source.data == {"a": {"b": 1, "c": 2}}


def test_a_key_is_the_text_that_is_written() -> None:
    assert read("no: 1\n2026-01-15: 2\n1: 3\n").data == {"no": 1, "2026-01-15": 2, "1": 3}


def test_an_alias_is_refused_also_one_that_holds_itself() -> None:
    source = read("a: &x [1]\nb: *x\nc: &y\n  d: *y\n")
    assert source.problems == [
        Problem(2, "b: an alias; write the value out"),
        Problem(4, "c.d: an alias; write the value out"),
    ]


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert read("a:\n  <<: {b: 1}\n").data == {"a": {"<<": {"b": 1}}}


def test_a_key_that_is_no_text_is_refused() -> None:
    assert read("a:\n  [b]: 1\n").problems == [Problem(2, "a: a key must be a text")]


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    (problem,) = read("a: 1\nb: [1, 2\nc: 3\n").problems
    assert (problem.line, problem.what[:9]) == (3, "not YAML:")
    (problem,) = read("a: 1\nb: \x07\n").problems
    assert (problem.line, problem.what[:9]) == (2, "not YAML:")
    (problem,) = read("a: 1\n--- \nb: 1\n").problems
    assert problem.line == 2


def test_a_value_of_a_type_that_yaml_can_not_make_is_told_with_its_line() -> None:
    (problem,) = read("a: 1\nb: !!python/object/apply:os.getcwd []\n").problems
    assert problem == Problem(2, "b: a tag; write the value plainly")
    source = read("a: 1\nb: 2026-13-45\nc: 3\n")
    assert source.problems == [Problem(2, "b: month must be in 1..12")]
    assert source.data == {"a": 1, "b": None, "c": 3}


def test_a_place_reads_as_one_would_write_it() -> None:
    assert dotted(("fields", "name.first", "purposes", 0)) == 'fields."name.first".purposes[0]'
    assert dotted(()) == "the register"
