"""Nobody writes under another name (K09)."""

import pytest

from appliance.mail import addresses
from appliance.mail.addresses import Mailbox, mailboxes, plain, sender_problem, wrong_senders
from appliance.mail.head import Field, Malformed
from appliance.mail.wrong import Wrong
from appliance.policy.decision import Reason

OWN = "fred.mustermann@schule.example"
FROM = Field("from", OWN.encode())


def test_any_case_is_the_own_address() -> None:
    assert plain("Fred.Mustermann@SCHULE.example") == OWN
    assert plain(OWN + ".") == OWN


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
    assert plain(address) not in {OWN, "karl@schule.example"}


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
    assert sender_problem(fields, {OWN}) is None
    assert sender_problem((Field("from", f'"{OWN}" <{OWN}>'.encode()),), {OWN}) is None


def test_any_of_ones_own_addresses_is_fine() -> None:
    fields = (Field("from", b'"klasse3a@schule.example" <klasse3a@schule.example>'), Field("sender", OWN.encode()))
    assert sender_problem(fields, {OWN, "klasse3a@schule.example"}) is None
    assert sender_problem(fields, {OWN}) is Reason.FOREIGN_SENDER


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
        (Field("from", "fr\u0435d.mustermann@schule.example".encode()),),
        (Field("from", "Fred <fred.mustermann@schule.ex\u0430mple>".encode()),),
        (FROM, Field("reply-to", "\u202efred@schule.example".encode())),
        (Field("from", '"boss＠schule.example"'.encode() + b" <" + OWN.encode() + b">"),),
        (Field("from", b'"=?utf-8?q?boss=40schule=2Eexample?=" <' + OWN.encode() + b">"),),
    ],
)
def test_a_foreign_sender_is_found(fields: tuple[Field, ...]) -> None:
    assert sender_problem(fields, {OWN}) is Reason.FOREIGN_SENDER


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
    assert sender_problem(fields, {OWN}) is Reason.MALFORMED


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ((FROM,), None),
        ((Field("from", b"boss@schule.example"),), None),  # somebody else's, but it can be read
        ((), Wrong.NO_FROM),
        ((Field("sender", OWN.encode()),), Wrong.NO_FROM),
        ((FROM, FROM), Wrong.TWICE),
        ((FROM, Field("sender", OWN.encode()), Field("sender", OWN.encode())), Wrong.TWICE),
        ((Field("from", OWN.encode() + b", boss@schule.example"),), Wrong.SENDER),
        ((Field("from", b"Leitung: a@b;"),), Wrong.SENDER),
        ((Field("from", OWN.encode() + b" (me)"),), Wrong.SENDER),
        ((Field("from", b""),), Wrong.SENDER),
        ((Field("from", b'"open ' + OWN.encode()),), Wrong.SENDER),
        ((Field("from", b"=?x-none?b?AAAA?= <" + OWN.encode() + b">"),), Wrong.ENCODED),
        ((Field("from", b'"' + b"x" * 2000 + b'" <' + OWN.encode() + b">"),), Wrong.MUCH),
        ((FROM, *[Field("resent-from", OWN.encode())] * 30), Wrong.MUCH),
    ],
)
def test_the_carer_is_told_what_is_wrong(fields: tuple[Field, ...], wrong: Wrong | None) -> None:
    assert wrong_senders(fields) is wrong
    assert (sender_problem(fields, {OWN}) is Reason.MALFORMED) is (wrong is not None)


def test_more_senders_than_any_program_writes_are_malformed() -> None:
    assert sender_problem((FROM, *[Field("resent-from", OWN.encode())] * 19), {OWN}) is None
    assert sender_problem((FROM, *[Field("resent-from", OWN.encode())] * 20), {OWN}) is Reason.MALFORMED


def test_of_many_long_senders_none_is_read(monkeypatch) -> None:
    reads = []
    monkeypatch.setattr(addresses, "mailboxes", lambda value: reads.append(value) or mailboxes(value))
    long = Field("resent-from", b'""' * 900 + OWN.encode())
    assert sender_problem((FROM, long, long, long), {OWN}) is Reason.MALFORMED and not reads
    assert sender_problem((FROM, Field("resent-from", b"a b"), long, long), {OWN}) is Reason.MALFORMED
    assert len(reads) == 2, "nothing behind what cannot be read"


@pytest.mark.parametrize("text", ['\\"' * 900, '"' * 901, 'x "' + "\\" * 901, '"a', '"', '""' + '"\\"'])
def test_behind_an_open_quote_nothing_is_looked_at_again(text: str) -> None:
    """However many quotes follow: what costs the square of their number holds up everybody."""
    with pytest.raises(Malformed, match="an open quote"):
        mailboxes(f"{text}".encode())
    open_quotes = [found for found in addresses._TOKEN.finditer(text) if found["end"] not in {None, '"'}]
    assert len(open_quotes) == 1 and open_quotes[0].end() == len(text)


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("a" * 1900, False),
        ("x@" * 900 + "y", True),
        ("@" * 1900, False),
        ("@anna", False),
        ("anna@", False),
        ("a @ b", False),
        (f"<{OWN}>", False),
        (f"{OWN}.", False),
        (f"x{OWN}", True),
        (f"{OWN}@x", True),
    ],
)
def test_an_address_inside_a_name(name: str, foreign: bool) -> None:
    """Found in a time that does not grow with the square of its length."""
    found = sender_problem((Field("from", f'"{name}" <{OWN}>'.encode()),), {OWN})
    assert found is (Reason.FOREIGN_SENDER if foreign else None)
