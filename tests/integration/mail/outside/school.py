"""A school whose teachers may write to the outside and hear from there: mail, and who sends it on."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

from appliance.supervisor.outbound import client
from tests.integration.mail.clients import connect
from tests.integration.mail.outside.postfix import RELAY
from tests.integration.mail.school import School
from tests.integration.support_parts import PASSWORD, short_folder
from tests.integration.support_place import AS_ROOT
from tests.integration.support_ports import free_port

MAIL_YAML = """\
outside:
  send: [teacher]
  receive: [teacher]
  smarthost: localhost:{port}
  encryption: {encryption}
  ca: {ca}
  relays: [{relay}]
  retry_first: {retry}
  retry_last: {retry}
  delayed: {delayed}
  expire: {expire}
  {more}
"""
SENDER = "frida.lehrer@schule.example"


class OutsideSchool(School):
    """``outbound`` sends on; nothing reads mail here, so there is no IMAP."""

    LISTENERS = ("submission", "smtp")

    def __init__(self, folder: Path, stack: contextlib.ExitStack, mail_yaml: str) -> None:
        self.MAIL_YAML = mail_yaml
        super(School, self).__init__(folder, stack, {"mail": mail_yaml})
        self.mail = self.service("mail", "submission", "smtp")
        self._listen_for_requests(stack)
        self.outbound = self.service("mail.outside", "outbound")
        self.run(stack, self.mail, self.outbound)

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Ask as the supervisor does."""
        with contextlib.closing(client(self.settings.server.runtime)) as asked:
            return asked.call(verb, **arguments)

    def waiting(self) -> list[dict[str, Any]]:
        return list(self.ask("queue")["waiting"])

    def send(
        self, *to: str, text: bytes = b"Subject: Ausflug\r\n\r\nHallo\r\n", options: Any = (), rcpt: Any = ()
    ) -> None:
        """Let Frida send a message."""
        with connect(self) as mail:
            mail.login("frida.lehrer", PASSWORD)
            message = b"From: " + SENDER.encode() + b"\r\n" + text
            assert mail.sendmail(SENDER, list(to), message, list(options), list(rcpt)) == {}

    def reports(self, login: str = "frida.lehrer") -> list[Message]:
        """The reports in a mailbox."""
        found = (message_from_bytes(path.read_bytes(), policy=default) for path in self.boxes(login))
        return [message for message in found if message.get_content_type() == "multipart/report"]

    def _listen_for_requests(self, stack: contextlib.ExitStack) -> None:
        folder = self.settings.server.runtime / "outbound"
        folder.mkdir()
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(folder / "outbound.sock"))
        (folder / "outbound.sock").chmod(0o666)
        listener.listen(16)
        self._sockets["outbound"] = listener
        if AS_ROOT:
            os.chown(folder, self.owner.uid, self.owner.gid)


@contextlib.contextmanager
def outside_school(
    port: int | None = None,
    ca: Path | None = None,
    encryption: str = "starttls",
    retry: str = "1 s",
    delayed: str = "1 h",
    expire: str = "2 h",
    more: str = "",
) -> Iterator[OutsideSchool]:
    """Run one until the end; without a ``port`` nobody is where its smarthost should be."""
    with short_folder() as (folder, stack):
        values = {"encryption": encryption, "ca": ca or "null", "retry": retry, "more": more}
        text = MAIL_YAML.format(port=port or free_port(), delayed=delayed, expire=expire, relay=RELAY, **values)
        yield OutsideSchool(folder, stack, text)
