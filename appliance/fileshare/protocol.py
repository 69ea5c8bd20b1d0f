"""FTP with TLS: pyftpdlib's grammar, our session (RFC 959, RFC 2228, RFC 3659, RFC 4217).

May live here: what a command does to a session. May not: decisions (``session``), texts (``replies``), TLS
(``secured``), lines (``lines``), the way of a file (``transfers``). pyftpdlib is kept to parsing commands and to the
order of a transfer: signing in is answered later, since its own would hold up every client; what it logs names clients
and is switched off.
There is no SITE, no STOU, no PORT (files go to whom the control connection belongs to, and nowhere else), no anonymous.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyftpdlib.handlers import proto_cmds

from appliance.auth.client import Verdict
from appliance.daemon.options_network import Network
from appliance.daemon.secret import Secret
from appliance.daemon.sessions import Sessions
from appliance.fileshare.addresses import passive_address
from appliance.fileshare.checker import Checker
from appliance.fileshare.files import Files
from appliance.fileshare.lines import Lines
from appliance.fileshare.replies import Notice
from appliance.fileshare.secured import Secured
from appliance.fileshare.session import FilesSession, House
from appliance.fileshare.store import Store
from appliance.policy.account import Service
from appliance.settings.fileshare import Fileshare, SessionReuse

_log = logging.getLogger(__name__)

_KNOWN = (
    "ABOR ALLO APPE CDUP CWD DELE EPSV FEAT HELP LIST MDTM MFMT MKD MLSD MLST MODE NLST NOOP OPTS PASS PASV PWD QUIT "
    "REST RETR RMD RNFR RNTO SIZE STAT STOR STRU SYST TYPE USER XCUP XCWD XMKD XPWD XRMD"
)
_OWN_COMMANDS = {
    "AUTH": (True, "TLS (begin with TLS)"),
    "PBSZ": (True, "0 (protection buffer)"),
    "PROT": (True, "P (encrypt files)"),
    "LANG": (None, "language (speak it)"),
}
_FACTS = ("type", "perm", "size", "modify", "unique")
_LINGER = 2.0
_STRANGER = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What every connection of a worker shares.

    ``connections`` are the open ones, ``addresses`` from where (IP as text), ``strangers`` those of them in which
    nobody has signed in, the oldest first. ``language`` is the school's.
    """

    house: House
    store: Store
    checker: Checker
    sessions: Sessions
    tls: ssl.SSLContext
    settings: Fileshare
    networks: Sequence[Network]
    language: str
    addresses: list[str]
    connections: set[Any]
    strangers: dict[Any, None]


class _Everything:
    """pyftpdlib's own table of rights: ours are elsewhere."""

    def has_perm(self, _login: str, _right: str, _path: str | None = None) -> bool:
        return True

    def get_perms(self, _login: str) -> str:
        return "elradfmwT"

    def get_msg_quit(self, _login: str) -> str:
        return "Good bye."


class Connection(Secured, Lines):
    """One control connection. ``server.shared`` is a :class:`Shared`."""

    proto_cmds = {name: proto_cmds[name] for name in _KNOWN.split()} | {
        name: {"perm": None, "auth": False, "arg": needed, "help": f"Syntax: {name} <SP> {use}."}
        for name, (needed, use) in _OWN_COMMANDS.items()
    }
    authorizer = _Everything()

    def __init__(self, conn: Any, server: Any, ioloop: Any = None) -> None:
        self.shared: Shared = server.shared
        settings = self.shared.settings
        self.timeout = settings.idle_timeout
        self.passive_ports = range(settings.passive_first, settings.passive_last + 1)
        self.language = self.shared.language
        address = _address(conn)
        self.masquerade_address = passive_address(address, self.shared.networks, settings.passive_address)
        self.session = FilesSession(self.shared.house, address, self.last_word)
        super().__init__(conn, server, ioloop=ioloop)
        self._current_type = "i"
        self._available_facts = list(_FACTS)  # pyftpdlib writes unix.mode as 0o660, which programs take for 0
        self._current_facts = list(_FACTS)
        self.speak(self.language)
        if self.connected:
            self.shared.connections.add(self)
            self.shared.strangers[self] = None
            self.call_later(min(self.timeout, _STRANGER), self._too_slow)

    @property
    def may_not_begin_anew(self) -> bool:
        """Whether a data connection has to go on with the TLS session of this one."""
        return self.shared.settings.session_reuse is SessionReuse.REQUIRED

    def handle(self) -> None:
        """Greet."""
        self.say(Notice.WELCOME)

    def handle_max_cons(self) -> None:
        """Send away one connection too many."""
        self.last_word(self.text(Notice.TOO_MANY_CONNECTIONS))

    handle_max_cons_per_ip = handle_max_cons

    def handle_timeout(self) -> None:
        """Send away who has been silent."""
        self.last_word(self.text(Notice.IDLE))

    def give_way(self) -> None:
        """Close, because somebody else needs the room."""
        self.shared.strangers.pop(self, None)
        self.handle_max_cons()

    def _too_slow(self) -> None:
        """Send away who has not signed in for long, whatever else he said; who waits for us may wait."""
        if self.waiting:
            self.call_later(_STRANGER, self._too_slow)
        elif not self.authenticated:
            self.handle_timeout()

    def last_word(self, reply: str) -> None:
        """End a running transfer, say ``reply`` and close, soon even if it is not taken."""
        if self._closed:
            return
        if self.data_channel is not None:
            self.discard()
            self.data_channel.abort()
        if self.handshaking:
            self.abort()
            return
        self.respond(reply)
        self.ioloop.call_later(_LINGER, self.abort)
        self.close_when_done()

    def close(self) -> None:
        """Close, and with it everything that belongs to this connection."""
        if self.data_channel is not None:
            self.data_channel.abort()
        super().close()
        if self._closed:
            self.shared.connections.discard(self)
            self.shared.strangers.pop(self, None)
            if self.session.visit is not None:
                self.shared.sessions.remove(self.session.visit)

    # encryption

    def ftp_AUTH(self, line: str) -> None:
        """Begin with TLS (RFC 4217, 4)."""
        if self.secured:
            self.say(Notice.ENCRYPTED_ALREADY)
        elif line.upper() not in ("TLS", "TLS-C", "SSL"):
            self.say(Notice.ONLY_TLS)
        elif self.ac_in_buffer:
            self.abort()  # commands in clear text that were to pass for encrypted ones
        else:
            self.say(Notice.ENCRYPTING)
            self.secure(self.shared.tls)

    def ftp_PBSZ(self, _line: str) -> None:
        """Agree on the only buffer size there is (RFC 4217, 8)."""
        self.say(Notice.BUFFER_SIZE if self.secured else Notice.ENCRYPT_FIRST)

    def ftp_PROT(self, line: str) -> None:
        """Encrypt files, or nothing (RFC 4217, 9)."""
        if not self.secured:
            self.say(Notice.ENCRYPT_FIRST)
        elif line.upper() != "P":
            self.say(Notice.ONLY_PRIVATE)
        else:
            self._private = True
            self.say(Notice.PROTECTED)

    # signing in

    def ftp_USER(self, line: str) -> None:
        """Take a login."""
        if not self.secured:
            self.say(Notice.ENCRYPT_FIRST)
        elif self.authenticated:
            self.say(Notice.SIGNED_IN_ALREADY)
        else:
            super().ftp_USER(line)

    def ftp_PASS(self, line: str) -> None:
        """Have the password checked; the reply follows when that is done, and nothing is read until then."""
        if not self.secured:
            self.say(Notice.ENCRYPT_FIRST)
        elif self.authenticated:
            self.say(Notice.SIGNED_IN_ALREADY)
        elif not self.username:
            self.say(Notice.NAME_FIRST)
        else:
            self.waiting = True
            self.del_channel()
            asked_at = datetime.now(UTC)
            self.shared.checker.ask(
                Service.FILES,
                self.username,
                Secret(line),
                self.remote_ip or None,
                lambda verdict: self._checked(verdict, asked_at),
            )

    def _checked(self, verdict: Verdict, asked_at: datetime) -> None:
        if self._closed:
            return
        self.add_channel()
        visit = self.session.signed_in(verdict, asked_at)
        if isinstance(visit, str):
            self._refuse_sign_in(visit)
        elif self._is_there_often(verdict.login):
            self.last_word(self.text(Notice.TOO_MANY_SESSIONS))
        else:
            self.username = verdict.login
            self.authenticated = True
            self.shared.strangers.pop(self, None)
            self.fs = Files(self, self.shared.store, self.session.here)
            self.shared.sessions.add(visit, visit.valid_until)
            self.say(Notice.SIGNED_IN)
        self.go_on()

    def _is_there_often(self, login: str) -> bool:
        """Whether ``login`` has as many sessions as he may, this one not counted."""
        others = sum(1 for one in self.shared.connections if one.authenticated and one.username == login)
        return others >= self.shared.settings.sessions_per_person

    def _refuse_sign_in(self, refused: str) -> None:
        self.username = ""
        self.attempted_logins += 1
        if refused.startswith("4"):
            self.last_word(refused)
        elif self.attempted_logins >= self.shared.settings.sign_ins_max:
            self.respond(refused)
            self.last_word(self.text(Notice.TOO_MANY_SIGN_INS))
        else:
            self.respond(refused)

    def run_as_current_user(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it: the store takes on the person by itself."""
        return function(*args, **kwargs)

    # what pyftpdlib logs names clients and files (K16)

    def _silent(self, *_words: Any, **_more: Any) -> None:
        """Log nothing."""

    log = logline = logerror = log_cmd = log_transfer = _silent

    def log_exception(self, _instance: Any) -> None:
        """Log the fact and the place."""
        _log.exception("a connection failed")


class AtOnce(Connection):
    """A control connection that begins with TLS, and then is as one that asked for all of it (port 990)."""

    def handle(self) -> None:
        """Encrypt; the greeting follows."""
        self._private = True
        self.secure(self.shared.tls)

    def handle_max_cons(self) -> None:
        """Send away one connection too many; before it is encrypted nothing can be said."""
        if self.secured:
            super().handle_max_cons()
        else:
            self.abort()

    handle_max_cons_per_ip = handle_max_cons

    def shaken(self, good: bool) -> None:
        """Greet."""
        if good:
            super().handle()


def _address(conn: socket.socket) -> str | None:
    """Where the client is; ``None`` if it is gone already."""
    try:
        return str(conn.getpeername()[0])
    except OSError:
        return None
