"""On paper stands what was signed, whatever it says: values are text, never markup, and nothing comes from outside."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lethe.evidence import signing
from lethe.register.entries import Party
from lethe.register.load import load
from lethe.register.model import Register
from lethe.requests.certificate import printed
from lethe.requests.certificate.issue import Issuer
from lethe.requests.certificate.model import Certificate
from lethe.requests.certificate.wording import page
from lethe.settings import Paths
from tests.unit.register.registers import edited
from tests.unit.requests.certificate.examples import AT, REGISTER, TOPICS, all_bytes_gone, facts, mixed

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    '#read("/etc/passwd") #panic() #eval("1+1")',
    '*bold* _it_ $x^2$ @label <label> = head \\ " `raw` // note /* note',
    ']#import "@preview/x:1.0.0": *[',
]


def named(name: str) -> Register:
    party = Party(name=name, address=name, email="a@example.org")
    return REGISTER.model_copy(update={"controller": party})


@pytest.fixture
def certificate(paths: Paths) -> Certificate:
    return Issuer(REGISTER, paths, TOPICS).issue(facts(), AT).certificate


class Elements(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("value", HOSTILE)
def test_html_shows_a_hostile_value_as_text(certificate: Certificate, value: str) -> None:
    plain = Elements(printed.html(certificate))
    party = certificate.controller.model_copy(update={"name": value, "address": value})
    found = Elements(printed.html(certificate.model_copy(update={"controller": party})))
    assert value in found.text
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]


@pytest.mark.parametrize("value", HOSTILE)
def test_pdf_shows_a_hostile_value_as_text(certificate: Certificate, value: str) -> None:
    """Read as markup it would be an error, or a head line, or another text."""
    import typst

    party = certificate.controller.model_copy(update={"name": value, "address": value})
    hostile = certificate.model_copy(update={"controller": party})
    assert printed.pdf(hostile).startswith(b"%PDF-")
    template = (Path(printed.__file__).with_name("templates") / "certificate.typ").read_bytes()
    for each in (certificate, hostile):
        heads = typst.query(template, "heading", field="level", sys_inputs=printed.inputs(each))
        assert len(heads.split(",")) == 11
    paragraphs = typst.query(template, "par", sys_inputs=printed.inputs(hostile))
    assert value.split("\\", maxsplit=1)[0][:12].replace('"', '\\"') in paragraphs


def test_html_asks_for_nothing_from_outside(certificate: Certificate) -> None:
    found = Elements(printed.html(certificate))
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in found.tags}
    assert not any({"src", "href", "action", "onload"} & attributes.keys() for _, attributes in found.tags)
    assert b"url(" not in printed.html(certificate)
    assert ("http-equiv", "Content-Security-Policy") in [
        pair for _, each in found.tags for pair in each.items()
    ]


def test_a_pdf_is_the_same_each_time(certificate: Certificate) -> None:
    assert printed.pdf(certificate) == printed.pdf(certificate)


def test_every_text_of_the_document_is_on_the_page(certificate: Certificate) -> None:
    found = Elements(printed.html(certificate)).text
    for store in certificate.stores:
        assert store.name in found
        assert store.what in found
    for level in certificate.levels:
        assert level.what in found
    for told in (
        certificate.number,
        certificate.case.id,
        certificate.signature.key_id,
        certificate.case.ground.what,
    ):
        assert told in found


def test_the_mark_is_on_every_form_while_the_controller_is_an_example(paths: Paths, tmp_path: Path) -> None:
    certificate = Issuer(REGISTER, paths, TOPICS).issue(facts(), AT).certificate
    assert "EXAMPLE: the controller is made up" in printed.text(certificate)
    assert b"EXAMPLE: the controller is made up" in printed.html(certificate)
    own = load(edited(tmp_path, ("  example: true #", "  example: false #")))
    real = Issuer(own, paths, TOPICS).issue(facts(case_id="another-case"), AT).certificate
    assert page(real).mark is None
    assert b'class="mark"' not in printed.html(real)


def test_what_is_pending_says_until_when_and_what_is_reached_since_when(paths: Paths) -> None:
    issuer = Issuer(REGISTER, paths, TOPICS)
    first = issuer.issue(facts(), AT).certificate
    assert "Pending: expected by 25 December 2026" in printed.text(first)
    second = issuer.reissue(first.number, all_bytes_gone(AT), AT).certificate
    text = " ".join(printed.text(second).split())
    assert "Reached on 25 November 2026 By what evidence, or waiting for what: The check raw_search" in text


def test_many_people_are_counted_not_listed(paths: Paths) -> None:
    certificate = Issuer(REGISTER, paths, TOPICS).issue(mixed(9), AT).certificate
    text = " ".join(printed.text(certificate).split())
    assert "9 people (6 erased, 3 nothing held)" in text
    assert not re.search("0{60}", text)


def test_the_words_name_the_key_that_checks_them(paths: Paths, certificate: Certificate) -> None:
    key_id = signing.key_id(signing.Signer(paths).public_key)
    assert any(key_id in paragraph for paragraph in page(certificate).check)


def test_what_is_gone_is_not_told_to_be_left(paths: Paths) -> None:
    issuer = Issuer(REGISTER, paths, TOPICS)
    first = issuer.issue(facts(), AT).certificate
    second = issuer.reissue(first.number, all_bytes_gone(AT), AT).certificate
    left, _ = page(second).plain
    assert [row[0] for row in left.rows if "log of messages" in row[0] or "own files" in row[0]] == []
    assert any("backups" in row[0] for row in left.rows)
    assert "gone: see level L4" in printed.text(second)
