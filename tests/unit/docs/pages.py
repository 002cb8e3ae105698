"""The project's documents, read as a reader's program reads them: links, anchors, code, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lethe.settings import PROJECT

PAGES = (PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").rglob("*.md")))
NAMES = [str(page.relative_to(PROJECT)) for page in PAGES]

_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the language that it names, "" for none, and its text."""

    language: str
    text: str


Table = list[list[str]]
"""Rows of cells as they are written, the head first."""


@dataclass(frozen=True)
class Page:
    """One document."""

    file: Path

    @cached_property
    def _tokens(self) -> list[Token]:
        return _MARKDOWN.parse(self.file.read_text(encoding="utf-8"))

    def _inline(self, kind: str) -> Iterator[Token]:
        for token in self._tokens:
            yield from (child for child in token.children or () if child.type == kind)

    @cached_property
    def links(self) -> list[str]:
        """Where links lead to and images lie."""
        links = [str(token.attrs["href"]) for token in self._inline("link_open")]
        return links + [str(token.attrs["src"]) for token in self._inline("image")]

    @cached_property
    def anchors(self) -> set[str]:
        """Fragments of the headings, as GitHub makes them."""
        found: set[str] = set()
        for title in self._titles():
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            numbered = (f"{slug}-{number}" for number in range(1, 100))
            found.add(slug if slug not in found else next(each for each in numbered if each not in found))
        return found

    def _titles(self) -> list[str]:
        return [_heading(self._tokens, at) for at, token in enumerate(self._tokens) if _opens(token)]

    @cached_property
    def blocks(self) -> list[Block]:
        """Fenced blocks, in their order."""
        return [Block(token.info.strip(), token.content) for token in self._tokens if token.type == "fence"]

    @cached_property
    def spans(self) -> list[str]:
        """Code within lines, in its order."""
        return [token.content for token in self._inline("code_inline")]

    def tables(self, title: str) -> list[Table]:
        """The tables below one heading, up to the next heading of any level."""
        found: list[Table] = []
        here = False
        for at, token in enumerate(self._tokens):
            if _opens(token):
                here = _heading(self._tokens, at) == title
            elif here and token.type == "table_open":
                found.append([])
            elif here and token.type == "tr_open":
                found[-1].append([])
            elif here and token.type == "inline" and found and self._tokens[at - 1].type in _CELLS:
                found[-1][-1].append(token.content)
        assert found, f"{self.file.name} has no table below {title!r}"
        return found

    def table(self, title: str, number: int = 0) -> list[dict[str, str]]:
        """One of these tables, a row as cell by column."""
        head, *rows = self.tables(title)[number]
        return [dict(zip(head, row, strict=True)) for row in rows]


_CELLS = ("th_open", "td_open")


def _opens(token: Token) -> bool:
    return token.type == "heading_open"


def _heading(tokens: list[Token], at: int) -> str:
    parts = tokens[at + 1].children or []
    return "".join(part.content for part in parts if part.type in ("text", "code_inline"))


def page(name: str) -> Page:
    """A document by its path in the project."""
    return Page(PROJECT / name)


def codes(cell: str) -> list[str]:
    """The code spans of a table's cell."""
    spans = _MARKDOWN.parseInline(cell)[0].children or []
    return [span.content for span in spans if span.type == "code_inline"]
