"""A device, whose address somebody could take, writes to few: at once, within an hour, and over a kill."""

from __future__ import annotations

import signal
import smtplib
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pytest

from appliance.policy.account import Group, GroupKind
from tests.integration.mail.school import PEOPLE
from tests.integration.mail.senders import DevicesOnly
from tests.integration.support_parts import short_folder

_COPIER, _PANEL = "127.0.20.7", "127.0.20.8"
_FRED, _GINA, _FRIDA, _ADA = (f"{login}@schule.example" for login in PEOPLE)
_CLASS = "klasse3a@schule.example"


class LimitedDevices(DevicesOnly):
    """Two devices, each with two recipients of a message and three in an hour, and a class of three."""

    PEOPLE: ClassVar = {
        login: replace(one, groups=() if login == "ada.admin" else ("klasse3a",)) for login, one in PEOPLE.items()
    }
    GROUPS: ClassVar = {"klasse3a": Group("klasse3a", GroupKind.CLASS, 30_001, "Klasse 3a")}
    MAIL_YAML: ClassVar[str] = "devices:\n" + "".join(
        f"- {{address: {address}, sender: {name}@schule.example, recipients_per_message: 2, recipients_per_hour: 3}}\n"
        for address, name in ((_COPIER, "kopierer"), (_PANEL, "alarm"))
    )


@pytest.fixture
def devices() -> Iterator[LimitedDevices]:
    with short_folder() as (folder, stack):
        yield LimitedDevices(folder, stack)


def sent(school: LimitedDevices, address: str, *recipients: str) -> str:
    """The first reply that refuses a mail of the device, or the one to its end."""
    sender = {_COPIER: "kopierer", _PANEL: "alarm"}[address] + "@schule.example"
    with smtplib.SMTP("127.0.0.1", school.ports["smtp"], "device", 20, (address, 0)) as client:
        client.ehlo()
        client.mail(sender)
        for recipient in recipients:
            code, text = client.rcpt(recipient)
            if code != 250:
                return f"{code} {text.decode()}"
        code, text = client.data(f"From: {sender}\r\n\r\nScan\r\n".encode())
        return f"{code} {text.decode()}"


def test_a_device_writes_to_few(devices: LimitedDevices) -> None:
    assert sent(devices, _COPIER, _CLASS).startswith("550 5.5.3 ")
    assert sent(devices, _COPIER, _FRED, _GINA, _ADA).startswith("550 5.5.3 ")
    assert sent(devices, _COPIER, _FRED, _GINA).startswith("250 ")
    assert sent(devices, _COPIER, _FRED, _FRIDA).startswith("452 4.5.3 ")
    assert sent(devices, _COPIER, _FRIDA).startswith("250 ")
    devices.mail.stop(signal.SIGKILL)
    devices.mail.start()
    assert sent(devices, _COPIER, _FRIDA).startswith("452 4.5.3 ")
    assert sent(devices, _PANEL, _FRIDA).startswith("250 "), "another device has an hour of its own"
    assert [len(devices.boxes(address.partition("@")[0])) for address in (_FRED, _GINA, _FRIDA, _ADA)] == [1, 1, 2, 0]


def test_a_device_that_mail_yaml_does_not_list_leaves_a_line_without_its_address(devices: LimitedDevices) -> None:
    with smtplib.SMTP("127.0.0.1", devices.ports["smtp"], "device", 20, ("127.0.20.9", 0)) as client:
        client.ehlo()
        assert client.mail("kopierer@schule.example")[0] == 530
    said = devices.log.read_text()
    assert said.count("a device in device_networks that mail.yaml does not list was turned away") == 1
    assert "127.0.20.9" not in said
