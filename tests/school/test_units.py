"""Under systemd: whoever dies comes back, and wrong settings are said, not tried again and again."""

import json
import signal
from typing import Any

import pytest

from tests.integration.demo.waiting import eventually
from tests.school.box.school import School

_UNITS = (
    "audit", "privileged", "directory", "ldap-port", "auth", "mail", "imap", "autoconfig", "proxy", "fileshare",
    "supervisor", "outbound",
)  # fmt: skip
_BACK_WITHIN = 30.0


@pytest.mark.parametrize("name", _UNITS)
def test_whoever_is_killed_comes_back_and_status_says_so(at_school: School, name: str) -> None:
    before = _unit(at_school, name)
    at_school.server.run(f"systemctl kill --signal={signal.SIGKILL.value} --kill-whom=main schoolserver-{name}.service")

    def is_back() -> bool:
        status = _status(at_school)
        now = next(unit for unit in status["units"] if unit["name"] == name)
        return bool(status["healthy"] and now["pid"] != before["pid"] and now["restarts"] > before["restarts"])

    eventually(is_back, _BACK_WITHIN, f"{name} is back")


def test_wrong_settings_are_said_and_not_started_again_and_again(at_school: School) -> None:
    try:
        at_school.play("""
            server# mv /etc/schoolserver/mail.yaml /root/mail.yaml
            server# echo 'idle_timeout: soon' >/etc/schoolserver/mail.yaml
            server# systemctl restart schoolserver-mail.service
            -> 1
            server# schoolserver check
            mail.yaml:1*idle_timeout*
            -> 2
        """)
        at_school.comes("""
            server# schoolserver status
            BAD* mail *
            -> 1
            server# systemctl show --property=NRestarts schoolserver-mail.service
            NRestarts=0
        """)
    finally:
        at_school.server.run("mv /root/mail.yaml /etc/schoolserver/mail.yaml")
    at_school.comes("server# systemctl start schoolserver-mail.service")
    at_school.well()


def _status(at_school: School) -> dict[str, Any]:
    said = at_school.server.attempt("schoolserver status --json").said
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        raise AssertionError(said) from None
    return found


def _unit(at_school: School, name: str) -> dict[str, Any]:
    return next(unit for unit in _status(at_school)["units"] if unit["name"] == name)
