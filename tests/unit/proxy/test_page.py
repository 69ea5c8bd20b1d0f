"""The page that tells why a site is not there."""

import ast
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from http.client import HTTPResponse
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.daemon.texts import translator
from appliance.proxy import page as module
from appliance.proxy.page import Letterhead, page
from appliance.proxy.replies import Cause, Challenges, Refused, status_and_text

SCHOOL = Letterhead("Grundschule am Park", "Frau Meier, Raum 101")
EMPTY = {"meta"}
"""Elements without an end."""


class Wire(BytesIO):
    def makefile(self, *_arguments):
        return self


class Shown(HTMLParser):
    """Elements in order, their text, and whether each one ends where it should."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text, self._open = [], {}, []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and data.strip():
            self.text.setdefault(self._open[-1], []).append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def read(refused, language="en", letterhead=SCHOOL, **more):
    answer = HTTPResponse(Wire(page(refused, language, keep=False, letterhead=letterhead, **more)))
    answer.begin()
    return answer, answer.read().decode()


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("language", ["de", "en"])
def test_each_cause_has_a_page(cause, language):
    answer, body = read(Refused(cause, "7KQF-2MXA", 2.4), language)
    assert answer.status == status_and_text(cause)[0]
    assert answer.headers["Content-Language"] == language
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Retry-After"] == "3", "never too early"
    assert (answer.headers["Proxy-Authenticate"] is not None) == (cause is Cause.SIGN_IN)
    shown = Shown(body)
    assert shown.attributes("html") == [{"lang": language}]
    assert shown.text["code"] == ["7KQF-2MXA"]
    assert shown.text["p"][0] == translator(language)(status_and_text(cause)[1]).replace("{minutes}", "1")
    assert shown.text["dd"] == ["Frau Meier, Raum 101"]


@pytest.mark.parametrize("cause", Cause)
def test_each_text_is_german_in_german(cause):
    english, german = (Shown(read(Refused(cause, "CODE"), language, Letterhead())[1]).text for language in ("en", "de"))
    for tag in ("title", "h1", "h2", "p", "dd"):
        assert not set(english[tag]) & set(german[tag]), tag


def test_each_text_of_the_page_is_in_the_catalog():
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)]
    texts = {one.args[0].value for one in calls if one.func.id == "_"}
    assert len(texts) >= 9
    assert {text for text in texts if translator("de")(text) == text} == {"Code"}


def test_it_can_be_read_by_everybody():
    _, body = read(Refused(Cause.CATEGORY, "CODE"))
    shown = Shown(body)
    tags = [tag for tag, _attributes in shown.found]
    assert body.startswith("<!DOCTYPE html>")
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    assert tags.index("h1") < tags.index("h2")
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in shown.attributes("meta")
    assert not {"script", "img", "link", "iframe", "form", "table"} & set(tags)
    assert "Grundschule am Park" in shown.text["title"][0]


def luminance(colour):
    """The relative luminance of WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_contrast_is_high_by_day_and_by_night():
    (style,) = Shown(read(Refused(Cause.CATEGORY))[1]).text["style"]
    pairs = re.findall(r"background:(#[0-9a-f]+);color:(#[0-9a-f]+)", style)
    assert len(pairs) == 2
    for pair in pairs:
        dark, light = sorted(map(luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 7.0, "WCAG 1.4.6"
    assert not re.search(r"[^-]width:|\d\dpx", style), "nothing is wider than a narrow screen"


def test_a_browser_takes_nothing_but_the_style_from_it():
    answer, body = read(Refused(Cause.CATEGORY))
    (style,) = Shown(body).text["style"]
    policy = answer.headers["Content-Security-Policy"]
    (digest,) = re.findall(r"style-src 'sha256-([^']+)'", policy)
    assert digest == b64encode(sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'")
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_code_there_is_no_word_of_one():
    shown = Shown(read(Refused(Cause.NO_SUCH_HOST), letterhead=Letterhead())[1])
    assert shown.text["dt"] == ["Whom to ask"]
    assert shown.text["dd"] == ["whoever looks after the server"]
    assert "code" not in shown.text and "code" not in " ".join(shown.text["p"])
    assert shown.text["title"] == shown.text["h1"] == ["This page cannot be shown"]


@given(st.text(min_size=1), st.text(min_size=1))
def test_what_a_school_writes_is_text_and_nothing_else(school, ask):
    answer, body = read(Refused(Cause.CATEGORY), letterhead=Letterhead(school, ask))
    assert len(body.encode()) == int(answer.headers["Content-Length"])
    plain = [tag for tag, _attributes in Shown(read(Refused(Cause.CATEGORY))[1]).found]
    assert [tag for tag, _attributes in Shown(body).found] == plain


def test_who_has_moved_as_much_as_he_may_is_told_when_to_come_again():
    refused = Refused(Cause.SPENT, "CODE", 241.2)
    for language, words in (("en", b"there is room in 5 min."), ("de", b"in 5 min ist wieder Platz.")):
        whole = page(refused, language, keep=False)
        assert words in whole
        assert b"Retry-After: 242\r\n" in whole


def test_the_answer_to_head_has_no_body_and_an_open_connection_is_not_closed():
    whole = page(Refused(Cause.NOT_OPEN), "de", keep=True)
    bare = page(Refused(Cause.NOT_OPEN), "de", keep=True, bodiless=True)
    assert whole.startswith(bare)
    assert bare.endswith(b"\r\n\r\n")
    assert b"Connection" not in bare
    assert b"Retry-After" not in bare


def test_a_sign_in_is_asked_for_as_it_can_be_given():
    for challenges, wanted in (
        (Challenges(), ['Basic realm="Schoolserver", charset="UTF-8"']),
        (Challenges("abc", password=False), ["Negotiate abc"]),
        (Challenges(""), ["Negotiate", 'Basic realm="Schoolserver", charset="UTF-8"']),
    ):
        answer, _ = read(Refused(Cause.SIGN_IN), challenges=challenges)
        assert answer.headers.get_all("Proxy-Authenticate") == wanted
