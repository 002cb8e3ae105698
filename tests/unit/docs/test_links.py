"""No link of the documents leads nowhere."""

from urllib.parse import unquote, urlsplit

import pytest

from lethe.settings import PROJECT
from tests.unit.docs.pages import NAMES, Page, page


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_and_image_is_there(name: str) -> None:
    broken = [link for link in page(name).links if not _is_there(page(name), link)]
    assert not broken


def _is_there(source: Page, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True  # another site: nothing here can tell
    target = (source.file.parent / unquote(parts.path)).resolve() if parts.path else source.file
    if not target.exists() or not target.is_relative_to(PROJECT):
        return False
    return not parts.fragment or parts.fragment in Page(target).anchors


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, open_ = set(), [PROJECT / "README.md"]
    while open_:
        file = open_.pop()
        if file in seen or file.suffix != ".md" or not file.exists():
            continue
        seen.add(file)
        paths = [urlsplit(link) for link in Page(file).links]
        open_ += [(file.parent / part.path).resolve() for part in paths if part.path and not part.scheme]
    wordings = "docs/policies/"  # the register names them
    assert [name for name in NAMES if PROJECT / name not in seen and not name.startswith(wordings)] == []


def test_a_link_to_a_heading_that_is_not_there_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    operations = page("docs/operations.md")
    assert _is_there(operations, "#settings")
    assert not _is_there(operations, "#no-such-heading")
    assert not _is_there(operations, "no-such-page.md")
