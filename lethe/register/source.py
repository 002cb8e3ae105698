"""YAML text as plain data that knows the line of everything in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

try:  # the C parser is ten times as fast; PyYAML is built without it where libyaml is missing
    from yaml import CSafeLoader as Loader
except ImportError:
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

_TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ["map", "seq", "str", "int", "float", "bool", "null", "timestamp"]
}  # what plain YAML gives

Place = tuple[str | int, ...]
"""Keys and list positions from the document's root."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, at a line counted from 1."""

    line: int
    what: str


@dataclass(slots=True)
class Source:
    """A document: its data, the line of each place, and what is wrong with it as YAML."""

    data: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, place: Place) -> int:
        """The line of a place, or of the nearest thing around it that is there."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def has(self, place: Place) -> bool:
        """Whether there is such a place."""
        return place in self.lines


def read(text: str) -> Source:
    """The document in `text`; what YAML itself refuses, keys given twice and aliases are problems."""
    loader = Loader(text)
    source = Source()
    try:
        node = loader.get_single_node()
        if node is not None:
            source.data = _Reader(loader, source).value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.problems.append(Problem(mark.line + 1 if mark else 1, f"not YAML: {error.problem}"))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        source.problems.append(Problem(line, f"not YAML: {error.reason}"))
    finally:
        loader.dispose()
    return source


class _Reader:
    """Turns nodes into data, and notes lines and problems in the source."""

    def __init__(self, loader: Loader, source: Source) -> None:
        self._loader = loader
        self._source = source
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, place: Place) -> object:
        """The data of a node; an alias would give one line to two places, and could hold itself."""
        line = node.start_mark.line + 1
        self._source.lines.setdefault(place, line if place else 1)
        if id(node) in self._seen:
            self._source.problems.append(
                Problem(self._source.lines[place], f"{dotted(place)}: an alias; write the value out")
            )
            return None
        self._seen.add(id(node))
        if node.tag not in _TAGS:
            self._source.problems.append(Problem(line, f"{dotted(place)}: a tag; write the value plainly"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> Mapping[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._source.problems.append(Problem(line, f"{dotted(place)}: a key must be a text"))
                continue
            key = str(key_node.value)  # as written: a key such as `no` or `2026` is a name here
            if key in result:
                first = self._source.lines[(*place, key)]
                self._source.problems.append(
                    Problem(line, f"{dotted((*place, key))}: given twice, first in line {first}")
                )
                continue
            self._source.lines[(*place, key)] = line
            result[key] = self.value(value_node, (*place, key))
        return result

    def _scalar(self, node: yaml.Node, place: Place) -> object:
        try:
            return self._loader.construct_object(node)
        except ValueError as error:  # such as a date that no calendar has
            line = node.start_mark.line + 1
            self._source.problems.append(Problem(line, f"{dotted(place)}: {error}"))
            return None


def dotted(place: Place) -> str:
    """A place as text: `fields.gender.purposes[0]`; a name with dots in it is quoted."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = f'"{part}"' if "." in part else part
            text += f".{name}" if text else name
    return text or "the register"
