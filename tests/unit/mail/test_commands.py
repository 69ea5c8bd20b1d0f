"""Whatever a client sends as an argument is read or refused, and nothing stumbles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.commands import Fault, Recipient, Sender, read_recipient, read_sender, split_path
from appliance.mail.envelope import Asked, Envelope


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("<fred@x.example>", ("fred@x.example", "")),
        (" <fred@x.example>  SIZE=5 BODY=8BITMIME", ("fred@x.example", "SIZE=5 BODY=8BITMIME")),
        ("fred@x.example SIZE=5", ("fred@x.example", "SIZE=5")),
        ("<>", ("<>", "")),
        ("<Postmaster>", ("Postmaster", "")),
        ("<a b@x>", ("a b@x", "")),
        ("", None),
        ("<", None),
        ("<a@b", None),
        ("<a@b>SIZE=5", None),
        ("<a<b>@c>", None),
        (">", None),
    ],
)
def test_split_path(argument: str, expected: tuple[str, str] | None) -> None:
    assert split_path(argument) == expected


def sender(address: str, size: int | None = None, utf8: bool = False, **envelope: str) -> Sender:
    return Sender(address, size, utf8, Envelope(**envelope))


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<a@b>", sender("a@b")),
        ("from: a@b", sender("a@b")),
        ("FROM:<>", sender("")),
        ("FROM:<> BODY=8bitmime size=12345", sender("", 12345)),
        ("FROM:<a@b> AUTH=<>", sender("a@b")),
        ("FROM:<a@b> AUTH", Fault.BAD_VALUE),
        ("FROM:<a@b> AUTH=fred", sender("a@b")),
        ("FROM:<a@b> RET=hdrs ENVID=Qq+2B7", sender("a@b", ret="HDRS", envid="Qq+7")),
        ("FROM:<\u00fc@b> SMTPUTF8", sender("\u00fc@b", utf8=True)),
        ("FROM:<\u00fc@b>", Fault.BAD_LETTERS),
        ("FROM:<\udcfc@b> SMTPUTF8", Fault.BAD_ADDRESS),
        ("FROM:<a\x00@b>", Fault.BAD_ADDRESS),
        ("FROM:<a\x85@b> SMTPUTF8", Fault.BAD_ADDRESS),
        ("FROM:<" + "a" * 255 + ">", Fault.BAD_ADDRESS),
        ("FROM:<a@b", Fault.BAD_ADDRESS),
        ("FROM:", Fault.BAD_SYNTAX),
        ("FROM: ", Fault.BAD_SYNTAX),
        ("TO:<a@b>", Fault.BAD_SYNTAX),
        (None, Fault.BAD_SYNTAX),
        ("FROM:<a@b> SIZE=\u00b2", Fault.BAD_VALUE),
        ("FROM:<a@b> SIZE=\u0665", Fault.BAD_VALUE),
        ("FROM:<a@b> \u017fize=5", Fault.BAD_VALUE),
        ("FROM:<a@b> SIZE=5 SIZE=5", Fault.BAD_VALUE),
        ("FROM:<a@b> SIZE=", Fault.BAD_VALUE),
        ("FROM:<a@b> SIZE", Fault.BAD_VALUE),
        ("FROM:<a@b> SIZE=-1", Fault.BAD_VALUE),
        ("FROM:<a@b> SIZE=" + "9" * 21, Fault.BAD_VALUE),
        ("FROM:<a@b> BODY=BINARYMIME", Fault.BAD_VALUE),
        ("FROM:<a@b> SMTPUTF8=yes", Fault.BAD_VALUE),
        ("FROM:<a@b> RET=HALF", Fault.BAD_VALUE),
        ("FROM:<a@b> ENVID=" + "x" * 101, Fault.BAD_VALUE),
        ("FROM:<a@b> ENVID=+0D+0A", Fault.BAD_VALUE),
        ("FROM:<a@b> =5", Fault.BAD_VALUE),
        ("FROM:<a@b> XSIZE=5", Fault.UNKNOWN_PARAMETER),
        ("FROM:<a@b> NOTIFY=NEVER", Fault.UNKNOWN_PARAMETER),
    ],
)
def test_mail(argument: str | None, expected: Sender | Fault) -> None:
    assert read_sender(argument, extended=True) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<a@b>", Recipient("a@b", Asked())),
        ("TO:<Postmaster>", Recipient("Postmaster", Asked())),
        ("TO:<a@b> NOTIFY=never", Recipient("a@b", Asked(frozenset({"NEVER"})))),
        ("TO:<a@b> NOTIFY=SUCCESS,delay", Recipient("a@b", Asked(frozenset({"SUCCESS", "DELAY"})))),
        ("TO:<a@b> ORCPT=rfc822;a+2Bc@b", Recipient("a@b", Asked(orcpt="rfc822;a+c@b"))),
        ("TO:<a@b> ORCPT=utf-8;\u00fc\\x{E4}@b", Recipient("a@b", Asked(orcpt="utf-8;\u00fc\u00e4@b"))),
        ("TO:<\u00fc@b>", Fault.BAD_LETTERS),
        ("TO:<>", Fault.BAD_ADDRESS),
        ("TO:<a@b> NOTIFY=NEVER,SUCCESS", Fault.BAD_VALUE),
        ("TO:<a@b> NOTIFY=SUCCESS,SUCCESS", Fault.BAD_VALUE),
        ("TO:<a@b> NOTIFY=", Fault.BAD_VALUE),
        ("TO:<a@b> ORCPT=a@b", Fault.BAD_VALUE),
        ("TO:<a@b> ORCPT=rfc822;a=b", Fault.BAD_VALUE),
        ("TO:<a@b> ORCPT=utf-8;a\\x{D800}b", Fault.BAD_VALUE),
        ("TO:<a@b> ORCPT=utf-8;a\\x{FFFFFF}b", Fault.BAD_VALUE),
        ("TO:<a@b> ORCPT=rfc822;" + "x" * 500, Fault.BAD_VALUE),
        ("TO:<a@b> SIZE=5", Fault.UNKNOWN_PARAMETER),
        ("FROM:<a@b>", Fault.BAD_SYNTAX),
    ],
)
def test_rcpt(argument: str, expected: Recipient | Fault) -> None:
    assert read_recipient(argument, extended=True, smtputf8=False) == expected


def test_letters_of_all_scripts_where_they_were_announced() -> None:
    assert read_recipient("TO:<\u00fc@b>", extended=True, smtputf8=True) == Recipient("\u00fc@b", Asked())


def test_who_said_helo_has_no_parameters() -> None:
    assert read_sender("FROM:<a@b> SIZE=5", extended=False) is Fault.BAD_SYNTAX
    assert read_sender("FROM:<a@b> ", extended=False) == sender("a@b")
    assert read_recipient("TO:<a@b> NOTIFY=NEVER", extended=False, smtputf8=False) is Fault.BAD_SYNTAX


JUNK = st.text(alphabet=st.sampled_from('<>@ aS=\u017f\u00b2\u2003\x1c5\t"(),;+\\{}\udc80\x00'), max_size=24)
WORDS = st.sampled_from(
    ["", " SIZE=", " NOTIFY=", " ORCPT=utf-8;", " ORCPT=rfc822;", " RET=", " ENVID=", " SMTPUTF8", " AUTH="]
)


@given(JUNK, WORDS, JUNK, WORDS, JUNK)
def test_what_is_read_can_stand_in_a_report(one: str, first: str, two: str, second: str, three: str) -> None:
    read = read_sender(f"FROM:<{one}>{first}{two}{second}{three}", extended=True)
    if isinstance(read, Sender):
        assert read.size is None or 0 <= read.size < 10**20
        assert (read.envelope.envid or "").isprintable()
        assert "\x00" not in read.address and not any("\ud800" <= each < "\ue000" for each in read.address)
    asked = read_recipient(f"TO:<{one}>{first}{two}{second}{three}", extended=True, smtputf8=True)
    if isinstance(asked, Recipient):
        assert asked.address and (asked.asked.orcpt or "").isprintable()
        asked.address.encode()
