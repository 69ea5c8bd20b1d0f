"""What a mail filter says, byte by byte, however strange it is."""

import contextlib
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.outside.milter import BrokenFilter, Conversation, Scanned, Verdict

ABOUT = Scanned("a@b.c", ("d@e.f",), "3f9c")
AGREED = b"O" + struct.pack("!III", 6, 0, 0)


def packet(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


def verdict(answers: bytes, limit: float = 5.0) -> Verdict:
    """Hold a conversation with a filter that says ``answers``, whatever it hears, and closes."""
    ours, theirs = socket.socketpair()

    def hear() -> None:
        while theirs.recv(65536):
            pass

    with ours, theirs:
        theirs.sendall(answers)
        theirs.shutdown(socket.SHUT_WR)
        hearer = threading.Thread(target=hear)
        hearer.start()
        ours.settimeout(5)
        try:
            return Conversation(ours, limit).verdict("schule.example", ABOUT, (), [b"body"])
        finally:
            ours.shutdown(socket.SHUT_WR)
            hearer.join()


def saying(*answers: bytes) -> bytes:
    return b"".join(map(packet, (AGREED, *answers)))


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([b"c"] * 8, Verdict.CLEAN),
        ([b"c"] * 7 + [b"p", b"+to", b"h\0\0", b"c"], Verdict.CLEAN),
        ([b"a"], Verdict.CLEAN),
        ([b"c", b"c", b"r"], Verdict.FOUND),
        ([b"c", b"y550 5.7.1 no\0"], Verdict.FOUND),
        ([b"c", b"y451 4.7.1 later\0"], Verdict.AWAY),
        ([b"t"], Verdict.AWAY),
        ([b"c"] * 7 + [b"qheld\0", b"c"], Verdict.FOUND),
    ],
)
def test_what_it_says(answers: list[bytes], found: Verdict) -> None:
    assert verdict(saying(*answers)) is found


@pytest.mark.parametrize(
    "answers", [b"", packet(b"O"), packet(b"c"), saying(b"Z"), saying(b"c"), b"\0\0\0\0", b"\xff" * 8]
)
def test_what_it_never_says_is_no_verdict(answers: bytes) -> None:
    with pytest.raises(BrokenFilter):
        verdict(answers)


def test_signs_of_life_do_not_last_for_ever() -> None:
    with pytest.raises(BrokenFilter, match="too long"):
        verdict(saying(b"p"), limit=-1)


@given(st.binary(max_size=60))
def test_anything_is_a_verdict_or_a_broken_filter(answers: bytes) -> None:
    with contextlib.suppress(BrokenFilter):
        assert isinstance(verdict(packet(AGREED) + answers), Verdict)
