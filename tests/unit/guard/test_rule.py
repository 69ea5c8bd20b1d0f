"""Who is held: addresses that guess, never this machine, never for an event that is none."""

import json

import pytest

from appliance.daemon.counts import Counts, Pace
from appliance.guard.rule import Guard, guesser


def event(**more) -> bytes:
    known = {"status": "NT_STATUS_WRONG_PASSWORD", "remoteAddress": "ipv4:10.9.0.2:43932", "localAddress": None}
    return json.dumps({"type": "Authentication", "Authentication": {**known, **more}}).encode()


@pytest.mark.parametrize("status", ["NT_STATUS_WRONG_PASSWORD", "NT_STATUS_NO_SUCH_USER", "NT_STATUS_LOGON_FAILURE"])
def test_a_guess_has_an_address(status):
    assert guesser(event(status=status)) == "10.9.0.2"


@pytest.mark.parametrize(
    "status", ["NT_STATUS_OK", "NT_STATUS_PASSWORD_MUST_CHANGE", "NT_STATUS_ACCOUNT_DISABLED", None, 7]
)
def test_who_knows_the_password_guesses_nothing(status):
    assert guesser(event(status=status)) is None


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("ipv6:2001:db8::2:43932", "2001:db8::2"),
        ("ipv6:::ffff:10.9.0.2:43932", "10.9.0.2"),
        ("ipv6:fe80::2%lan:43932", "fe80::2"),  # nft takes no scope
        ("ipv4:127.0.0.1:5", None),
        ("ipv6:::1:5", None),
        ("unix:/run/x", None),
        ("unix:", None),
        ("ipv4:999.1.1.1:5", None),
        ("", None),
        (None, None),
    ],
)
def test_addresses(remote, address):
    assert guesser(event(remoteAddress=remote)) == address


def test_this_machine_is_never_held():
    assert guesser(event(localAddress="ipv4:10.9.0.2:636")) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b'{"Authorization": {}}', b'{"Authentication": 7}', b"\xff"])
def test_what_is_no_such_event(text):
    assert guesser(text) is None


def test_the_first_failures_are_free_and_each_further_one_costs_longer():
    guard = Guard(Counts(3, 900.0, Pace(1.0, 2.0, 300.0), 100))
    waits = [guard.failed("10.9.0.2", now) for now in (0.0, 0.1, 0.2, 5.0, 10.0)]
    assert waits[:2] == [0.0, 0.0]
    assert 0 < waits[2] < waits[3] < waits[4]
    assert guard.failed("10.9.0.3", 10.0) == 0.0
