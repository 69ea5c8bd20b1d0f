"""Outlook's question, and what else may stand in its place."""

import contextlib
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.autoconfig.outlook import BadQuestion, Question, answer, problem, question
from tests.unit.autoconfig.support import FACTS, MAIL

NOW = datetime(2026, 9, 1, 8, 30, 15, 123456, tzinfo=UTC)
BASE = "http://schemas.microsoft.com/exchange/autodiscover/"
REQUEST, WANTED = f"{BASE}outlook/requestschema/2006", f"{BASE}outlook/responseschema/2006a"
PHONE = f"{BASE}mobilesync/responseschema/2006"
BODY = (
    f'<?xml version="1.0" encoding="utf-8"?>\r\n<Autodiscover xmlns="{REQUEST}">\r\n  <Request>\r\n'
    "    <EMailAddress>fred.mustermann@schule.example</EMailAddress>\r\n"
    f"    <AcceptableResponseSchema>{WANTED}</AcceptableResponseSchema>\r\n  </Request>\r\n</Autodiscover>\r\n"
)
ASKED = Question("fred.mustermann@schule.example", WANTED)


def outer(name: str) -> str:
    return f"{{{BASE}responseschema/2006}}{name}"


def inner(name: str) -> str:
    return f"{{{WANTED}}}{name}"


@pytest.mark.parametrize(
    "body", [BODY.encode(), BODY.encode("utf-8-sig"), BODY.replace("utf-8", "utf-16").encode("utf-16")]
)
def test_a_question_is_read(body: bytes) -> None:
    assert question(body) == ASKED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GET",
        b"<a/>",
        b"<Autodiscover><Request><EMailAddress>fred@schule.example</EMailAddress></Request></Autodiscover>",
        BODY.replace("<Request>", "<Request><Request>").encode(),
        BODY.replace("utf-8", "x-nobody-knows").encode(),
        BODY.encode()[:-20],
        BODY.encode() + b"<more/>",
        b"<a>" * 5000,
        BODY.replace("fred", "f" * 2000).encode(),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        BODY.replace("<Autodiscover", '<!DOCTYPE a [<!ENTITY b "c">]><Autodiscover', 1).encode(),
        BODY.replace("utf-8", "utf-16").replace("<Auto", '<!DOCTYPE a [<!ENTITY b "c">]><Auto', 1).encode("utf-16"),
    ],
    ids=range(13),
)
def test_anything_else_is_none(body: bytes) -> None:
    with pytest.raises(BadQuestion):
        question(body)


def test_entities_that_would_grow_are_refused_before_they_grow() -> None:
    laughs = '<!DOCTYPE a [<!ENTITY b0 "ha">' + "".join(
        f'<!ENTITY b{number} "{f"&b{number - 1};" * 10}">' for number in range(1, 12)
    )
    with pytest.raises(BadQuestion, match="document type"):
        question(f"{laughs}]>{BODY.partition('?>')[2].replace('fred', '&b11;')}".encode())


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300) | st.text(max_size=200).map(str.encode) | st.just(BODY.encode()).map(lambda one: one[::-1])
)
def test_whatever_comes_is_a_question_or_none(body: bytes) -> None:
    with contextlib.suppress(BadQuestion):
        question(body)


def test_it_gets_one_way_of_each_kind() -> None:
    root = Xml.fromstring(answer(FACTS, ASKED, NOW))
    account = root.find(f"{inner('Response')}/{inner('Account')}")
    assert root.tag == outer("Autodiscover") and account is not None
    assert (account.findtext(inner("AccountType")), account.findtext(inner("Action"))) == ("email", "settings")
    ways = [
        {child.tag.partition("}")[2]: child.text for child in protocol}
        for protocol in account.findall(inner("Protocol"))
    ]
    shared = {"Server": MAIL, "DomainRequired": "off", "LoginName": "fred.mustermann", "SPA": "off", "SSL": "on"}
    shared |= {"Encryption": "SSL", "AuthRequired": "on"}
    assert ways == [
        {"Type": "IMAP", "Port": "993", **shared},
        {"Type": "SMTP", "Port": "465", **shared, "UsePOPAuth": "on", "SMTPLast": "off"},
    ]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Question("fred@elsewhere.example", WANTED), 500),
        (Question("", WANTED), 500),
        (Question("<script>@schule.example", WANTED), 500),
        (Question("fred.mustermann@schule.example", PHONE), 601),
        (Question("fred.mustermann@schule.example", ""), 601),
    ],
)
def test_what_cannot_be_told(asked: Question, code: int) -> None:
    assert Xml.fromstring(answer(FACTS, asked, NOW)).findtext(f".//{outer('ErrorCode')}") == str(code)


def test_a_problem_says_when() -> None:
    error = Xml.fromstring(problem(600, NOW)).find(f"{outer('Response')}/{outer('Error')}")
    assert error is not None and error.get("Time") == "08:30:15.123456"
    assert error.findtext(outer("Message")) == "Invalid Request"
