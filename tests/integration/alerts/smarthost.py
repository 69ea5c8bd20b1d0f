"""A mail server outside: aiosmtpd with TLS and AUTH, on loopback, in a thread of the test."""

import contextlib
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from appliance.daemon import authority
from tests.integration.support_ports import free_port

LOGIN, PASSWORD = "schoolserver@town.example", "Kartoffel-Salat7"


@dataclass
class Smarthost:
    """Where it is, what proves it, what it has got (``arrived`` is set with each mail), what it ``says`` to one."""

    port: int
    ca: Path
    mails: list = field(default_factory=list)
    refuses: set = field(default_factory=set)
    says: str = "250 OK"
    arrived: threading.Event = field(default_factory=threading.Event)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refuses:
            return "550 5.1.1 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        if not self.says.startswith("2"):
            return self.says
        self.mails.append((session, envelope, message_from_bytes(envelope.content)))
        self.arrived.set()
        return self.says


def _authenticate(_server, _session, _envelope, _mechanism, data):
    right = (data.login, data.password) == (LOGIN.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


class _Controller(Controller):
    """Speaks STARTTLS and asks for a login, or TLS from the first byte."""

    def __init__(self, handler, context, tls, **more):
        self.context = context
        super().__init__(handler, hostname="127.0.0.1", ssl_context=context if tls else None, **more)

    def factory(self):
        starttls = {} if self.ssl_context else {"tls_context": self.context, "require_starttls": True}
        more = {"auth_require_tls": False} if self.ssl_context else {}
        return SMTP(self.handler, authenticator=_authenticate, auth_required=True, **starttls, **more)


@contextlib.contextmanager
def smarthost(folder: Path, tls: bool = False, name: str = "localhost"):
    """One that listens while inside; its certificate is for ``name``."""
    made = authority.ensure_authority(folder / "authority", "town.example")
    authority.issue(made, folder / "tls", [name, "127.0.0.1"] if name == "localhost" else [name], None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls" / "cert.pem", folder / "tls" / "key.pem")
    port = free_port()
    host = Smarthost(port, folder / "authority" / "ca.pem")
    controller = _Controller(host, context, tls, port=port)
    controller.start()
    try:
        yield host
    finally:
        controller.stop()
