"""What a unit may say through its notify socket."""

import pytest

from appliance.supervisor.launcher.notification import Message, parse


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"READY=1", Message(True, False, None)),
        (b"READY=1\nSTATUS=3 sessions", Message(True, False, "3 sessions")),
        (b"WATCHDOG=1\n", Message(False, True, None)),
        (b"READY=0\nWATCHDOG=trigger", Message(False, False, None)),
        (b"STATUS=", Message(False, False, "")),
        (b"", Message(False, False, None)),
        (b"\xff\xfe=\x00\nMAINPID=1", Message(False, False, None)),
        (b"STATUS=bell\x07 and \x1b[31mred", Message(False, False, "bell  and  [31mred")),
        (b"STATUS=" + b"x" * 300, Message(False, False, "x" * 200)),
    ],
)
def test_parse(data, message):
    assert parse(data) == message
