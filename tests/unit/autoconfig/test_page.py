"""The page and its texts."""

import ast
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import appliance.autoconfig
from appliance.autoconfig.page import no_address, page
from appliance.daemon.texts import translator
from tests.unit.autoconfig.support import DOMAIN, FACTS

FOLDER = Path(appliance.autoconfig.__file__).parent
_VOID = {"meta", "br", "input"}


class Reader(HTMLParser):
    """Reads a page, and asserts that each element is closed in order; ``links`` and ``text`` as a person sees them."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(content.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def marked() -> list[str]:
    return [
        call.args[0].value
        for path in FOLDER.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_"
        if isinstance(call.args[0], ast.Constant)
    ]


def test_each_text_is_there_in_german() -> None:
    texts = marked()
    assert len(texts) >= 15
    assert [text for text in texts if translator("de")(text) == text] == []


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("facts", [FACTS, replace(FACTS, authority=None)], ids=["local", "own"])
def test_a_page_is_whole_loads_nothing_and_links_to_ourselves_only(language: str, encrypted: bool, facts) -> None:
    read = Reader(page(facts, language, encrypted=encrypted))
    assert facts.school in read.text, "and not as tags"
    assert not read.tags & {"script", "img", "link", "iframe", "object"}
    assert all(link.startswith("/") or link == f"{FACTS.home}/" for link in read.links)
    assert ("/ca.crt" in read.links) == (facts.authority is not None)
    assert ("/mail.mobileconfig" in read.links) == encrypted
    for told in (f"mail.{DOMAIN}", "993", "143", "465", "587", "STARTTLS"):
        assert told in read.text


def test_browsers_are_told_where_their_script_is_if_there_is_one() -> None:
    where = f"{FACTS.home}/proxy.pac"
    assert where in Reader(page(FACTS, "de", encrypted=False)).text
    assert where not in Reader(page(replace(FACTS, script=None), "de", encrypted=False)).text


def test_what_was_typed_is_not_repeated() -> None:
    assert "Adresse" in Reader(no_address(FACTS, "de")).text
