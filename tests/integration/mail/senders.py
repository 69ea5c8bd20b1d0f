"""Some devices that send one mail after the other, and what must be true of these mails whatever happens meanwhile.

May live here: the devices, what they were told, the promise. May not: what happens to the server. A device that was
not told that a mail is stored sends it again, with the same Message-ID, as all of them do.
"""

from __future__ import annotations

import contextlib
import random
import smtplib
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from appliance.mail.seal import evidence, judge
from appliance.mail.seal_key import public_keys
from tests.integration.mail.school import WAYS_IN, School
from tests.integration.support_crash import Load, at_work
from tests.integration.support_parts import Parts

DEVICE, SENDER = "127.0.20.7", "kopierer@schule.example"
_DEVICES, _LARGEST, _PIECE = 4, 900_000, 50_000
_PATIENCE = 30.0
_READERS = ("fred.mustermann", "gina.musterfrau", "frida.lehrer")


class DevicesOnly(School):
    """One of devices; nobody reads. Its data may lie on a disk of its own."""

    NETWORK_YAML = "device_networks: [127.0.20.0/24]\n"
    MAIL_YAML: ClassVar[str] = (
        "commands_max: 1000000\n"
        f"devices: [{{address: {DEVICE}, sender: {SENDER}, recipients_per_hour: 100000, bytes_per_hour: 1 TB}}]\n"
    )

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        Parts.__init__(self, folder, stack, {"mail": self.MAIL_YAML})
        self.mail = self.service("mail", *WAYS_IN)
        self.run(stack, self.mail)


@dataclass(slots=True)
class Fate:
    """Of one mail: how often it was sent (at least to some part), and whether the server said that it is stored."""

    tries: int = 0
    acknowledged: bool = False


@dataclass(slots=True, kw_only=True)
class Sending(Load):
    """What the devices did; made by :func:`sending`."""

    school: School
    fates: dict[str, Fate] = field(default_factory=dict)

    def run(self, number: int) -> None:
        """Be the device of this number."""
        for turn in range(10_000):
            name = f"{self.chance.random()}.{number}.{turn}"
            self.fates[name] = Fate()
            while not self.fates[name].acknowledged:
                if self.over:
                    return
                # what a server that dies, or whose disk does, looks like
                with contextlib.suppress(smtplib.SMTPException, OSError), device(self.school) as client:
                    self._send(client, name)

    def again(self) -> None:
        """Send once more what was not acknowledged, as a device does when the server is back."""
        with device(self.school) as client:
            for name, fate in self.fates.items():
                if fate.tries and not fate.acknowledged:
                    self._send(client, name)

    def _send(self, client: smtplib.SMTP, name: str) -> None:
        fate, whole = self.fates[name], message(name)
        client.ehlo()
        for reply in (client.mail(SENDER), *(client.rcpt(f"{login}@schule.example") for login in readers(name))):
            self.step()
            _wanted(reply, 250)
        _wanted(client.docmd("DATA"), 354)
        fate.tries += 1
        assert client.sock is not None
        for start in range(0, len(whole), _PIECE):
            self.step()
            client.sock.sendall(whole[start : start + _PIECE])
        client.sock.sendall(b".\r\n")
        self.step()
        _wanted(client.getreply(), 250)
        fate.acknowledged = True
        self.step()


def device(school: School) -> smtplib.SMTP:
    """The device, connected."""
    return smtplib.SMTP("127.0.0.1", school.ports["smtp"], "kopierer", timeout=_PATIENCE, source_address=(DEVICE, 0))


def _wanted(reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise smtplib.SMTPResponseException(*reply)


def readers(name: str) -> list[str]:
    """To whom a mail goes."""
    chance = random.Random(f"readers {name}")
    return chance.sample(_READERS, chance.randint(1, len(_READERS)))


def message(name: str) -> bytes:
    """What is sent: of a length that is small more often than large, beyond what the server keeps in memory too."""
    chance = random.Random(name)
    lines = int(_LARGEST ** chance.random()) // 72 + 1
    body = b"".join(chance.randbytes(35).hex().encode() + b"\r\n" for _ in range(lines))
    return f"From: {SENDER}\r\nMessage-ID: <{name}@schule.example>\r\n\r\n".encode() + body


def kept(sending: Sending, seed: str) -> None:
    """See whether the promise was kept, and take the mails away."""
    keys = public_keys(sending.school.settings.server.state / "mail")
    found: Counter[tuple[str, str]] = Counter()
    for login in _READERS:
        for path in sending.school.boxes(login):
            data = path.read_bytes()
            with path.open("rb") as file:
                assert judge(evidence(file), keys) is not None, f"seed {seed}: {len(data)} bytes that are not ours"
            assert path.name.endswith(f",S={len(data)},W={len(data)}"), f"seed {seed}: {path.name} has {len(data)}"
            head, _, body = data.partition(b"\r\n\r\n")
            name = head.partition(b"Message-ID: <")[2].partition(b"@schule.example>")[0].decode()
            assert body == message(name).partition(b"\r\n\r\n")[2], f"seed {seed}: half of {name}"
            found[login, name] += 1
            path.unlink()
    for name, fate in sending.fates.items():
        for login in _READERS:
            copies = found.pop((login, name), 0)
            least = int(fate.acknowledged and login in readers(name))
            most = min(fate.tries, 2) if login in readers(name) else 0
            assert least <= copies <= most, f"seed {seed}: {name} ({fate}) {copies} times"
    assert not found, f"seed {seed}: mails that nobody sent"
    rest = [path for path in (sending.school.data / "mail").rglob("*") if path.is_file()]
    assert rest == [], f"seed {seed}: something was left"


def sending(school: School, chance: random.Random) -> AbstractContextManager[Sending]:
    """Let the devices work until the end of the ``with``; nothing is under way afterwards."""
    return at_work(Sending(school=school, chance=chance), _DEVICES)
