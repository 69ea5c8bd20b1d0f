"""What this machine suggests as answers, for the carer to take or change. Looks only."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from ipaddress import IPv4Interface, ip_interface
from pathlib import Path

import psutil
import yaml

from appliance.setup.questions import QUESTIONS, Answer, answer_in

_ZONEINFO = "/zoneinfo/"
_NOWHERE = frozenset({"", "UTC", "Etc/UTC"})
"""What a machine says that nobody has told where it is: lessons are not held by that."""


def proposals(directory: str | None = None) -> dict[str, Answer]:
    """Give an answer for each question to which the machine has one; ``directory`` is the kind that fits it."""
    found: dict[str, object] = {
        "domain": _domain(),
        "zone": _zone(),
        "directory": directory,
        "networks": list(dict.fromkeys(_networks())) or None,
        "admins": _caller(),
    }
    answers = {}
    for question in QUESTIONS:
        value = found.get(question.key)
        if value is not None:
            node = yaml.compose(yaml.safe_dump(value, default_flow_style=True), Loader=yaml.SafeLoader)
            answer = answer_in(question, node)
            if answer is not None:
                answers[question.key] = answer
    return answers


def _domain() -> str | None:
    return socket.getfqdn().partition(".")[2] or None


def _zone() -> str | None:
    try:
        zone = str(Path("/etc/localtime").readlink()).partition(_ZONEINFO)[2]
    except OSError:
        return None
    return None if zone in _NOWHERE else zone


def _networks() -> Iterator[str]:
    """The private networks that the machine is in."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and one.netmask:
                interface = ip_interface(f"{one.address}/{one.netmask}")
                if isinstance(interface, IPv4Interface) and interface.is_private and not interface.is_loopback:
                    yield str(interface.network)


def _caller() -> list[str] | None:
    """Who called sudo."""
    login = os.environ.get("SUDO_USER", "root")
    return None if login == "root" else [login]
