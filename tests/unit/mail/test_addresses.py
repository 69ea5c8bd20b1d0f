"""Nobody writes under another name (K09)."""

import pytest

from appliance.mail.addresses import Mailbox, is_own, mailboxes, sender_problem, split
from appliance.mail.head import Field, Malformed
from appliance.policy.decision import Reason

OWN = "fred.mustermann@schule.example"
FROM = Field("from", OWN.encode())


def test_any_case_is_the_own_address() -> None:
    assert is_own("Fred.Mustermann@SCHULE.example", OWN)
    assert is_own(OWN + ".", OWN)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "<>",
        "fred.mustermann",
        "fred.mustermann@schule.example.org",
        "fred.mustermann@schule.exampl\u0435",
        "\u212aarl@schule.example",
        '"fred.mustermann"@schule.example',
        "fred.mustermann@schule.example ",
        "fred.mustermann@schule.example\n",
    ],
)
def test_nothing_else_is(address: str) -> None:
    assert not is_own(address, OWN)
    assert not is_own(address, "karl@schule.example")


def test_split() -> None:
    assert split("A.B@C.example") == ("a.b", "c.example")
    assert split("a b@c.example") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"fred@x.example", Mailbox("", "fred@x.example")),
        (b" <fred@x.example> ", Mailbox("", "fred@x.example")),
        (b"Fred M. Mustermann <fred@x.example>", Mailbox("Fred M. Mustermann", "fred@x.example")),
        (b'"Mustermann, Fred (3a)" <fred@x.example>', Mailbox("Mustermann, Fred (3a)", "fred@x.example")),
        (b'"a \\"b\\"" <fred@x.example>', Mailbox('a "b"', "fred@x.example")),
        (b"=?utf-8?q?J=C3=BCrgen?= <fred@x.example>", Mailbox("Jürgen", "fred@x.example")),
        ("Jürgen <fred@x.example>".encode(), Mailbox("Jürgen", "fred@x.example")),
        ("Jürgen <fred@x.example>".encode("latin-1"), Mailbox("Jürgen", "fred@x.example")),
    ],
)
def test_mailboxes(value: bytes, expected: Mailbox) -> None:
    assert mailboxes(value) == (expected,)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"fred",
        b"fred@x.example,",
        b"<fred@x.example> boss@x.example",
        b"boss@x.example <fred@x.example>",
        b"<boss@x.example> <fred@x.example>",
        b"<@a,@b:fred@x.example>",
        b"Group: fred@x.example;",
        b"fred@x.example (boss)",
        b"boss (x) <fred@x.example>",
        b'"open <fred@x.example>',
        b"=?nonsense?b?AAAA?= <fred@x.example>",
        b"a> <fred@x.example>",
        b"a" * 300_000 + b" <fred@x.example>",
    ],
)
def test_what_can_be_read_in_two_ways_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        mailboxes(value)


def test_the_own_address_everywhere_is_fine() -> None:
    fields = (
        Field("from", b"Fred <FRED.Mustermann@schule.example>"),
        Field("sender", OWN.encode()),
        Field("reply-to", OWN.encode() + b", " + OWN.encode()),
        Field("to", b"whoever@elsewhere.example"),
        Field("to", b"two of these happen"),
    )
    assert sender_problem(fields, OWN) is None
    assert sender_problem((Field("from", f'"{OWN}" <{OWN}>'.encode()),), OWN) is None


@pytest.mark.parametrize(
    "fields",
    [
        (Field("from", b"boss@schule.example"),),
        (FROM, Field("sender", b"boss@schule.example")),
        (FROM, Field("reply-to", b"boss@schule.example")),
        (FROM, Field("reply-to", OWN.encode() + b", boss@schule.example")),
        (FROM, Field("resent-from", b"boss@schule.example")),
        (Field("from", b'"boss@schule.example" <' + OWN.encode() + b">"),),
        (Field("from", b"=?utf-8?q?boss=40schule=2Eexample?= <" + OWN.encode() + b">"),),
        (Field("from", '"boss＠schule.example"'.encode() + b" <" + OWN.encode() + b">"),),
        (Field("from", b'"=?utf-8?q?boss=40schule=2Eexample?=" <' + OWN.encode() + b">"),),
    ],
)
def test_a_foreign_sender_is_found(fields: tuple[Field, ...]) -> None:
    assert sender_problem(fields, OWN) is Reason.FOREIGN_SENDER


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (FROM, FROM),
        (Field("from", OWN.encode() + b", boss@schule.example"),),
        (FROM, Field("sender", OWN.encode()), Field("sender", OWN.encode())),
        (Field("from", b"\xff\xfe"),),
    ],
)
def test_a_head_without_exactly_one_sender_is_malformed(fields: tuple[Field, ...]) -> None:
    assert sender_problem(fields, OWN) is Reason.MALFORMED
