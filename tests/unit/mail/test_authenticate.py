"""AUTH as a conversation; each wrong attempt is answered later than the one before."""

import asyncio
from base64 import b64encode

import pytest

from appliance.mail import authenticate
from appliance.mail.authenticate import Authentication

OTHER_IDENTITY, ABORTED, NOT_READABLE, NO_TICKET = "535 5.7.8 You can", "501 5.7.0 ", "501 5.5.2 ", "535 5.7.8 This"


class Around:
    """A connection whose client answers with ``lines``; signing in works with the password ``right``."""

    def __init__(self, *lines: bytes, ready: bool = False) -> None:
        self.lines = list(lines)
        self.challenges: list[bytes] = []
        self.asked: list[tuple[str, str]] = []
        self.reported: list[str] = []
        self.waited: list[float] = []
        self.ready = ready
        self.long_lines = False
        self.authentication = Authentication(self, self, self, str)

    def run(self, mechanism: str, initial: str | None = None):
        return asyncio.run(self.authentication.run(mechanism, initial))

    async def challenge(self, challenge: bytes) -> bytes:
        self.challenges.append(challenge)
        return self.lines.pop(0)

    def expect_tokens(self) -> None:
        self.long_lines = True

    async def sign_in(self, login, password):
        self.asked.append((login, password.reveal()))
        return self if password.reveal() == "right" else "535 5.7.8 Login or password are wrong."

    def begin(self):
        raise authenticate.NoTicket("the keytab cannot be used")

    def report(self, problem) -> None:
        self.reported.append(str(problem))


@pytest.fixture(autouse=True)
def waits(monkeypatch) -> list[float]:
    """How long somebody was kept waiting; nobody is."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(authenticate.asyncio, "sleep", sleep)
    return waited


def coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_plain_in_one_line(waits) -> None:
    around = Around()
    assert around.run("PLAIN", coded("\0fred\0right")) is around
    assert around.run("PLAIN", coded("fred\0fred\0right")) is around
    assert around.asked == [("fred", "right")] * 2 and around.challenges == [] and waits == []


def test_plain_in_two_lines_and_login() -> None:
    around = Around(coded("\0fred\0right").encode(), b"ZnJlZA==", coded("right").encode(), coded("right").encode())
    assert around.run("PLAIN") is around
    assert around.run("LOGIN") is around
    assert around.run("LOGIN", "ZnJlZA==") is around
    shown = [b"", b64encode(b"Username:"), b64encode(b"Password:"), b64encode(b"Password:")]
    assert around.asked == [("fred", "right")] * 3 and around.challenges == shown


@pytest.mark.parametrize(
    ("lines", "initial", "start"),
    [
        ((b"*",), None, ABORTED),
        ((b"!",), None, NOT_READABLE),
        ((b"\xff",), None, NOT_READABLE),
        ((), "=", NOT_READABLE),
        ((), coded("fred"), NOT_READABLE),
        ((), coded("\0fred\0x\0"), NOT_READABLE),
        ((), b64encode(b"\0fred\0\xff").decode(), NOT_READABLE),
        ((), coded("gina\0fred\0right"), OTHER_IDENTITY),
    ],
)
def test_what_is_refused_before_anybody_is_asked(lines, initial, start) -> None:
    around = Around(*lines)
    assert around.run("PLAIN", initial).startswith(start)
    assert around.asked == []


def test_each_wrong_attempt_costs_more_time(waits) -> None:
    around = Around()
    for _ in range(6):
        assert around.run("PLAIN", coded("\0fred\0wrong")).startswith("535 5.7.8 ")
    assert waits == [0.25, 0.5, 1, 2, 4, 4]
    assert around.run("PLAIN", coded("\0fred\0right")) is around
    assert len(waits) == 6, "who knows his password does not wait"


def test_tickets_are_taken_where_there_is_a_keytab(waits) -> None:
    assert sorted(Around().authentication.mechanisms) == ["LOGIN", "PLAIN"]
    around = Around(ready=True)
    assert sorted(around.authentication.mechanisms) == ["GSSAPI", "LOGIN", "PLAIN"]
    assert around.run("GSSAPI", "=").startswith(NO_TICKET)
    assert around.reported == ["the keytab cannot be used"] and around.long_lines and waits == [0.25]
