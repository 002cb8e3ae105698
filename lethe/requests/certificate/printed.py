"""A certificate on paper and on a screen: HTML and PDF from one page of words, whose values are data to both."""

import json
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lethe.requests.certificate.details import Table
from lethe.requests.certificate.model import Certificate
from lethe.requests.certificate.wording import Page, page

if TYPE_CHECKING:
    import typst

_TEMPLATES: Final = Path(__file__).with_name("templates")
_WIDTH: Final = 100  # columns of a terminal


def html(certificate: Certificate) -> bytes:
    """One page without any outside resource; every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("certificate.html.j2").render(page=page(certificate))
    return text.encode()


def pdf(certificate: Certificate) -> bytes:
    """PDF/A-2a with the fonts that typst brings; values reach it as JSON, and are never read as markup."""
    import typst

    return typst.compile(
        (_TEMPLATES / "certificate.typ").read_bytes(),
        font_paths=_fonts(),
        sys_inputs=inputs(certificate),
        timestamp=certificate.issued_at,
        pdf_standards=["a-2a"],
    )


def inputs(certificate: Certificate) -> dict[str, str]:
    """What typst's template is given: the page as JSON."""
    return {"page": json.dumps(asdict(page(certificate)))}


@cache
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(include_system_fonts=False)


FORMATS: Final[dict[str, Callable[[Certificate], bytes]]] = {".html": html, ".pdf": pdf}


def text(certificate: Certificate) -> str:
    """The same words for a terminal."""
    return "\n".join(_lines(page(certificate))) + "\n"


def _lines(words: Page) -> Iterator[str]:
    yield f"{words.title} ({words.subtitle})"
    for paragraph in (words.mark, *words.lead):
        if paragraph:
            yield from ("", *textwrap.wrap(paragraph, _WIDTH))
    for table in words.plain:
        yield from _table(table)
    yield from ("", "How to check it")
    for paragraph in words.check:
        yield from textwrap.wrap(paragraph, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    for table in words.details:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield from ("", table.title)
    for row in table.rows:
        first, *rest = row
        yield from textwrap.wrap(first, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        for name, cell in zip(table.head[1:], rest, strict=True):
            told = f"{name}: {cell}" if name else cell
            yield from textwrap.wrap(told, _WIDTH, initial_indent="      ", subsequent_indent="        ")
