"""How replies are understood, and how a message is written on the line."""

import smtplib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.outside.attempts import Handed
from appliance.mail.outside.smarthost import _refusal, _stuffed, _xtext
from appliance.mail.transfer import Transfer

HOST = SimpleNamespace(_host="mx")


@pytest.mark.parametrize(
    ("code", "said", "handed", "status"),
    [
        (550, b"5.1.1 no such user", Handed.NEVER, "5.1.1"),
        (550, b"no such user", Handed.NEVER, "5.0.0"),
        (550, b"4.2.2 two minds", Handed.NEVER, "5.2.2"),
        (450, b"4.2.0 come again", Handed.LATER, "4.2.0"),
        (452, b"full", Handed.LATER, "4.0.0"),
        (354, b"go on", Handed.LATER, "4.0.0"),
        (-1, b"", Handed.LATER, "4.0.0"),
    ],
)
def test_what_a_refusal_means(code: int, said: bytes, handed: Handed, status: str) -> None:
    answer = _refusal(HOST, code, said)  # type: ignore[arg-type]  # only its name is asked for
    assert answer is not None and (answer.handed, answer.status, answer.remote) == (handed, status, "mx")


def test_a_success_is_none_and_good_bye_the_end() -> None:
    assert _refusal(HOST, 250, b"fine") is None  # type: ignore[arg-type]  # as above
    with pytest.raises(smtplib.SMTPServerDisconnected):
        _refusal(HOST, 421, b"good bye")  # type: ignore[arg-type]  # as above


lines = st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"a.", b"\xc3\xa4"])).map(
    lambda parts: b"".join(part + b"\r\n" for part in parts)
)


@given(lines, st.integers(1, 5))
def test_every_message_comes_out_at_the_other_end_as_it_went_in(message: bytes, width: int) -> None:
    def pieces() -> Iterator[bytes]:
        for start in range(0, len(message), width):
            yield message[start : start + width]

    transfer = Transfer(10_000, 998)
    arrived = b"".join(transfer.feed(piece) for piece in (*_stuffed(pieces()), b".\r\n"))
    assert transfer.complete and transfer.fault is None and arrived == message and not transfer.rest


def test_a_last_line_without_end_gets_one() -> None:
    assert b"".join(_stuffed([b"a\r\nb"])) == b"a\r\nb\r\n"


def test_xtext() -> None:
    assert _xtext("a+b=c d") == "a+2Bb+3Dc+20d"
