"""Of a head that is taken, no program reads another sender than one's own (K09).

The invariant, for any head made of pieces that mean something to some parser: it is refused, or what is stored names
in From, Sender, Reply-To and Resent- nobody but the account, as Python's two parsers of mail read it.
"""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP
from email.utils import getaddresses

from hypothesis import event, given, settings
from hypothesis import strategies as st

from appliance.mail.addresses import SENDERS, sender_problem
from appliance.mail.head import Malformed, read_fields
from appliance.mail.rewrite import stored_head

OWN, BOSS = "fred@schule.example", "rektor@schule.example"
NAMES = {OWN: "Fred Mustermann", "klasse3a@schule.example": "Klasse 3a"}
PIECES = st.sampled_from(
    [
        *([OWN] * 3 + [f"<{OWN}>"] * 2 + [BOSS, f"<{BOSS}>", "klasse3a@schule.example", "rektor", "schule.example"]),
        *(
            "Chef ",
            '"Chef" ',
            "\r\n ",
            "=?utf-8?q?",
            "=?utf-8?b?cmVrdG9yQHNjaHVsZS5leGFtcGxl?=",
            "=40",
            "=2C",
            "=3C",
            "?=",
        ),
        *("\u00fc", "\uff20", "\u0435", "\u200b", "\u202e", *'"(),;:<>@\\ \t.[]\r\x00'),
    ]
)
VALUES = st.lists(PIECES, max_size=6).map("".join) | st.lists(PIECES, max_size=4).map(
    lambda part: "".join(part) + f"<{OWN}>"
)
LABELS = st.sampled_from(
    ("From", "from", "Sender", "Reply-To", "Resent-From", "Resent-Sender", "Resent-Reply-To", "From ", " From", "To")
)
HEADS = st.tuples(VALUES, st.lists(st.tuples(LABELS, VALUES), max_size=2))


@settings(max_examples=300, deadline=None, database=None)
@given(HEADS)
def test_nobody_else_is_read(given_: tuple[str, list[tuple[str, str]]]) -> None:
    first, more = given_
    head = "".join(f"{label}: {value}\r\n" for label, value in [("From", first), *more]).encode()
    try:
        fields = read_fields(head)
    except Malformed:
        return
    if sender_problem(fields, NAMES) is not None:
        return
    event("taken")
    stored = stored_head(fields, NAMES, OWN)
    assert read_fields(stored)
    old, new = message_from_bytes(stored), message_from_bytes(stored, policy=SMTP)
    for name in SENDERS:
        values = [str(make_header(decode_header(value))) for value in old.get_all(name, [])]
        assert {address for _, address in getaddresses(values)} <= NAMES.keys()
        for value in new.get_all(name, []) if name != "resent-reply-to" else ():  # text to that parser
            assert not value.defects
            assert {address.addr_spec for address in value.addresses} <= NAMES.keys()
            assert {address.display_name for address in value.addresses} <= set(NAMES.values())


def test_the_pieces_make_heads_that_are_taken() -> None:
    """Else the test above would be about refused ones alone."""
    head = f"From: Chef \r\n <{OWN}>\r\nReply-To: {OWN},{OWN}\r\n".encode()
    assert sender_problem(read_fields(head), NAMES) is None
