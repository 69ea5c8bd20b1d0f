"""Who may ask for a restart or a reload, of what, and where. That it happens is proved in the booted school."""

import os

import pytest

from appliance.daemon.request_client import RequestRefused
from appliance.privileged.units import UNITS
from tests.integration.privileged.test_service import SUPERVISOR, asked_by, path_of, running, same

__all__ = ["running", "same"]

ROOT = os.geteuid() == 0
VERBS = ("unit-restart", "unit-reload")


def asked(verb, arguments):
    return f'{{"id":1,"verb":"{verb}","arguments":{arguments}}}\n'.encode()


STRANGERS = (0, 60803, 60806, 20001, 65534)
UNKNOWN = ("ssh", "ssh.service", "schoolserver-mail.service", "../mail", "mail.socket", "*", "")
WRONG = ("{}", '{"name":5}', '{"name":["mail"]}', '{"name":"mail","mode":"kill"}')


@pytest.mark.skipif(not ROOT, reason="needs other users")
@pytest.mark.parametrize("verb", VERBS)
def test_only_the_supervisor_may_and_the_table_is_closed(running, verb):
    path = path_of(running)
    for uid in STRANGERS:
        assert b"not-allowed" in asked_by(uid, SUPERVISOR, path, asked(verb, '{"name":"mail"}'))
    for name in UNKNOWN:
        answer = asked_by(SUPERVISOR, SUPERVISOR, path, asked(verb, f'{{"name":"{name}"}}'))
        assert b"unknown-unit" in answer
        assert all(known.encode() in answer for known in UNITS)
    for arguments in WRONG:
        assert b"bad-argument" in asked_by(SUPERVISOR, SUPERVISOR, path, asked(verb, arguments))


def test_a_server_whose_units_are_children_touches_none_of_systemd(same):
    """A demo beside an installed server must not restart that one's mail."""
    _, client = same
    for call in (client.unit_restart, client.unit_reload):
        for name in UNITS:
            with pytest.raises(RequestRefused) as caught:
                call(name)
            assert caught.value.kind == "not-possible"
