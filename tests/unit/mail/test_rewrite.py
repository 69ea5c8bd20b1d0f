"""What is stored of a head: the roster's name for every sender, no evidence but ours, the rest as it came."""

from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail import rewrite
from appliance.mail.addresses import Mailbox, mailboxes, sender_problem
from appliance.mail.claims import RECEIPTS
from appliance.mail.head import Field, read_fields
from appliance.mail.rewrite import Trace, lines_above, stored_head

OWN = "fred.mustermann@schule.example"
CLASS = "klasse3a@schule.example"
TRACE = Trace(
    "7f3a", "fred@schule.example", "schule.example", datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
)


def test_date_and_message_id_are_added_where_missing() -> None:
    above = lines_above(TRACE, ())
    assert above == (
        b"Return-Path: <fred@schule.example>\r\n"
        b"Received: by schule.example with ESMTPSA id 7f3a;\r\n"
        b"\tMon, 23 Nov 2026 09:30:00 +0100\r\n"
        b"Date: Mon, 23 Nov 2026 09:30:00 +0100\r\n"
        b"Message-ID: <7f3a@schule.example>\r\n"
    )
    kept = lines_above(TRACE, (Field("date", b"x"), Field("message-id", b"y")))
    assert kept.count(b"\r\n") == 3
    assert {"date", "message-id"}.isdisjoint(field.name for field in read_fields(kept))


def stored(head: bytes, name: str = "Fred Mustermann") -> bytes:
    return stored_head(read_fields(head), {OWN: name, CLASS: "Klasse 3a"}, OWN)


@pytest.mark.parametrize("label", ["From", "SENDER", "Reply-To", "resent-from", "Resent-Sender", "Resent-Reply-To"])
@pytest.mark.parametrize(
    "shown", ["", '"Die Schulleitung" ', "Chef ", "=?utf-8?q?Rektor=C3=A4t?= ", "Mustermann,\r\n Fred "]
)
def test_the_name_of_a_sender_is_the_rosters(label: str, shown: str) -> None:
    shown = f'"{shown}"' if "," in shown else shown
    head = f"{label}: {shown}<Fred.Mustermann@SCHULE.example>\r\n"
    assert stored(head.encode()) == f"{label}: Fred Mustermann <{OWN}>\r\n\r\n".encode()


def test_each_address_of_a_reply_to_gets_it() -> None:
    head = f"Reply-To: a <{OWN}>, {OWN}\r\n".encode()
    assert stored(head) == f"Reply-To: Fred Mustermann <{OWN}>,\r\n Fred Mustermann <{OWN}>\r\n\r\n".encode()


def test_who_writes_for_a_group_is_named_beside_it() -> None:
    group = f"From: Schulleitung <Klasse3A@schule.example>\r\nSender: {CLASS}\r\nTo: x\r\n".encode()
    assert stored(group) == (f"From: Klasse 3a <{CLASS}>\r\nTo: x\r\nSender: Fred Mustermann <{OWN}>\r\n\r\n".encode())
    own = f"Sender: {CLASS}\r\nFrom: {OWN}\r\n".encode()
    assert stored(own) == f"Sender: Klasse 3a <{CLASS}>\r\nFrom: Fred Mustermann <{OWN}>\r\n\r\n".encode()


def test_without_a_name_only_the_address_is_left() -> None:
    assert stored(f"From: Chef <{OWN}>\r\n".encode(), "") == f"From: {OWN}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Mustermann, Fred", f'"Mustermann, Fred" <{OWN}>'),
        ('Fred "Fredy" M.', f'"Fred \\"Fredy\\" M." <{OWN}>'),
        ("Jürgen", f"=?utf-8?q?J=C3=BCrgen?= <{OWN}>"),
        ("F" * 60, f"{'F' * 60}\r\n <{OWN}>"),
        ("Fred\r\nBcc: x\u202e", f'"FredBcc: x" <{OWN}>'),
    ],
)
def test_how_a_name_is_written(name: str, written: str) -> None:
    assert stored(f"From: {OWN}\r\n".encode(), name) == f"From: {written}\r\n\r\n".encode()


@given(st.text(max_size=120))
def test_every_name_is_read_back_and_adds_no_field(name: str) -> None:
    head = stored(f"From: x <{OWN}>\r\nSubject: s\r\n".encode(), name)
    assert all(len(line) <= 160 for line in head.split(b"\r\n"))
    fields = read_fields(head)
    assert [field.name for field in fields] == ["from", "subject"]
    assert sender_problem(fields, {OWN}) is None or "@" in name
    shown = "".join(character for character in name if character.isprintable()).strip()
    if "=?" not in name:
        assert mailboxes(fields[0].value) == (Mailbox(shown, OWN),)


@pytest.mark.parametrize(
    "name", ["Jürgen Groß", "Prof. Dr. Žofia Jürgens-Großmüller von der Schmücke zu Hohenlöwenstein"]
)
def test_programs_show_the_name(name: str) -> None:
    (shown, address) = parseaddr(message_from_bytes(stored(f"From: {OWN}\r\n".encode(), name))["From"])
    assert (str(make_header(decode_header(shown))), address) == (name, OWN)


EVIDENCE = (
    "Return-Path Received Authentication-Results Delivered-To X-Original-To X-Sender Received-SPF Bcc Resent-Bcc "
    "RECEIVED bcc X-School-Seal Mail-Reply-To Mail-Followup-To List-Post LIST-ID List-Unsubscribe-Post X-BeenThere "
    "Mailing-List Newsgroups Author Original-From X-Original-From On-Behalf-Of DKIM-Signature DomainKey-Signature "
    "ARC-Seal ARC-Authentication-Results arc-message-signature X-Received X-Spam-Status BIMI-Location "
    "Original-Recipient Prefer-Reply-To"
)


@pytest.mark.parametrize("name", EVIDENCE.split())
def test_evidence_and_blind_copies_are_dropped(name: str) -> None:
    head = f"Subject: a\r\n{name}: forged\r\n\tand folded\r\nTo: b\r\n".encode()
    assert stored(head) == b"Subject: a\r\nTo: b\r\n\r\n"


@pytest.mark.parametrize("label", sorted(RECEIPTS))
@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (OWN, f"Fred Mustermann <{OWN}>"),
        (f"Chef <Fred.Mustermann@Schule.Example.>, {CLASS}", f"Fred Mustermann <{OWN}>,\r\n Klasse 3a <{CLASS}>"),
        ("gina@schule.example", None),
        (f"{OWN}, gina@schule.example", None),
        (f'"gina@schule.example" <{OWN}>, <x@town.example>', None),
        (f"<@town.example:{OWN}>", None),
        (f"{OWN} (x)", None),
        ("=?x-none?b?AAAA?= <x>", None),
        ("", None),
        (", ".join([OWN] * 100), None),
    ],
)
def test_a_receipt_goes_to_the_sender_or_to_nobody(label: str, value: str, kept: str | None) -> None:
    written = b"" if kept is None else f"{label}: {kept}\r\n".encode()
    shown = stored(f"{label}: {value}\r\nTo: b\r\n".encode())
    assert b"".join(shown.split()) == b"".join((written + b"To: b\r\n\r\n").split()), "wide ones are folded"


def test_the_first_receipt_of_a_kind_is_the_only_one() -> None:
    label = "Disposition-Notification-To"
    twice = f"{label}: {OWN}\r\n{label}: {OWN}\r\nErrors-To: {OWN}\r\n".encode()
    own = f"Fred Mustermann <{OWN}>\r\n"
    assert stored(twice) == f"{label}: {own}Errors-To: {own}\r\n".encode()
    assert stored(f"{label}: x@town.example\r\n{label}: {OWN}\r\n".encode()) == b"\r\n"


def test_of_a_thousand_receipts_few_are_read(monkeypatch) -> None:
    reads = []
    monkeypatch.setattr(rewrite, "mailboxes", lambda value: reads.append(value) or mailboxes(value))
    head = b"".join(b"Errors-To: %d@town.example\r\nReturn-Receipt-To: x%d\r\n" % (each, each) for each in range(400))
    assert stored(head) == b"\r\n" and len(reads) == 2


def test_the_rest_stays_byte_for_byte() -> None:
    head = (
        b"subject:  Gr\xc3\xbc\xc3\x9fe \r\nAutocrypt: addr=a@b; keydata=\r\n\tabc=\r\nX-Mailer: x\r\n"
        b"To: =?utf-8?q?a?= <b@c>,\r\n  d@e\r\nDisposition-Notification-Options: y\r\nListing: z\r\n"
    )
    assert stored(head) == head + b"\r\n"
    assert stored(head + b"\r\n") == head + b"\r\n"


def test_a_field_made_by_hand_has_no_bytes() -> None:
    assert Field("a", b"b").raw == b""
