"""What Dovecot needs to know, in no language of its own.

May live here: the values, and how they follow from the settings. May not: Dovecot's syntax (``render``), files.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.daemon.identities import Identities
from appliance.daemon.options_network import Address
from appliance.policy.account import Service
from appliance.policy.limits import LimitTable, largest_size
from appliance.policy.request import Action
from appliance.settings.load import Settings

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_.,:=@+/\[\]-]*\Z")
OUR_LINES = 4096
"""Bytes: more than we ever write into the head of a message that we take in."""
HOST_NAME = "schoolserver"
"""What Dovecot calls this machine when it tells a client that something failed."""
FULL = "Kein Platz mehr: E-Mail und Dateien sind zusammen zu viel. / No room is left: mail and files together."
"""What somebody reads whose mail program puts more into a box than there is room for (K11)."""
_KEYTAB = "krb5.keytab"
_MECHANISM = Path("/usr/lib/dovecot/modules/auth/libmech_gssapi.so")
_LONGEST_BASE = 80  # a Unix socket's path has at most 107 bytes, and Dovecot adds up to 26


class Unusable(Exception):
    """Dovecot cannot be run this way; the text is for the carer and names the setting."""


@dataclass(frozen=True, slots=True)
class Names:
    """As whom Dovecot's own processes run (names, as it knows no numbers there), and whether they may be shut in.

    ``login`` has what talks to strangers, ``internal`` the rest; ``services`` is the group that may ask the password
    service, empty where there is no such name: then the asking process keeps root.
    """

    internal: str
    login: str
    group: str
    services: str
    chroot: bool


@dataclass(frozen=True, slots=True)
class Engine:
    """``base`` holds sockets, ``state`` what outlives a restart, ``tls`` cert.pem and key.pem, ``mail`` the mailboxes.

    ``uid`` and ``gid`` own all mailboxes. ``auth_socket`` is the password service's. ``imap`` (STARTTLS) and ``imaps``
    (TLS at once) are exactly the addresses of the sockets that are handed in, or Dovecot would not recognise them;
    without ``imaps`` it does not listen for that, or it would try by itself to, and end.
    ``largest`` is the size in bytes of the largest message that anybody may put into a mailbox (K12);
    ``messages_max`` and ``mailboxes_max`` are how many of each an account may have. ``tickets`` is the keytab, if
    tickets are taken.
    """

    base: Path
    state: Path
    tls: Path
    mail: Path
    auth_socket: Path
    imap: Address
    imaps: Address | None
    uid: int
    gid: int
    largest: int
    messages_max: int
    mailboxes_max: int
    names: Names
    tickets: Path | None = None

    @property
    def kerberos(self) -> Path:
        """Where Kerberos reads how it is set up: that nobody lets others in by a file in his home."""
        return self.base / "krb5.conf"

    @property
    def replays(self) -> Path:
        """Where it is remembered which tokens were used."""
        return self.state / "krb5.replays"

    @property
    def full(self) -> Path:
        """Where Dovecot 2.3 reads who may make no more mailboxes."""
        return self.base / "bounds" / "full"

    @property
    def script(self) -> Path:
        """Where the Lua script lies: readable by all of Dovecot's users, and without any secret."""
        return self.base / "auth.lua"


def engine_for(settings: Settings, imaps: bool = True) -> Engine:
    """Give the values that follow from ``settings``, and whether there is a socket for ``imaps``.

    Raise :class:`Unusable`.
    """
    server, listen = settings.server, settings.network.listen
    owner = Identities(server).of("mail")
    if owner.uid == 0:
        raise Unusable("server.yaml: identity same cannot be used by root, whose mailboxes Dovecot does not open")
    engine = Engine(
        base=server.runtime / "dovecot",
        state=server.state / "imap",
        tls=server.state / "imap" / "tls",
        mail=server.data / "mail",
        auth_socket=server.runtime / "auth" / "auth.sock",
        imap=listen["imap"],
        imaps=listen["imaps"] if imaps else None,
        uid=owner.uid,
        gid=owner.gid,
        largest=_largest(settings.access.limits),
        messages_max=settings.mail.messages_max,
        mailboxes_max=settings.mail.mailboxes_max,
        names=_names(server.identity),
        tickets=_tickets(server.state / "imap" / _KEYTAB),
    )
    for key, path in (("runtime", engine.base), ("state", engine.state), ("data", engine.mail)):
        if not _PLAIN_PATH.match(str(path)):
            raise Unusable(f"server.yaml: {key}: Dovecot takes letters, digits and _ . , : = @ + - [ ] in a path only")
    if len(os.fsencode(engine.base)) > _LONGEST_BASE:
        raise Unusable(f"server.yaml: runtime: longer than {_LONGEST_BASE - len('/dovecot')} bytes")
    return engine


def _tickets(keytab: Path) -> Path | None:
    """Dovecot does not even start with a mechanism that is not installed."""
    return keytab if keytab.is_file() and _MECHANISM.exists() else None


def _largest(table: LimitTable) -> int:
    """Give the size of the largest message that anybody may send, with the lines that we add."""
    own = replace(table, rules=tuple(rule for rule in table.rules if rule.service in (None, Service.MAIL)))
    return largest_size(own, own.largest(), Service.MAIL, Action.SEND) + OUR_LINES


def _names(identity: str) -> Names:
    if identity != "same":
        return Names("dovecot", "dovenull", "dovecot", "schoolserver" if identity == "users" else "", chroot=True)
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
        group = grp.getgrgid(os.getegid()).gr_name
    except KeyError as error:
        raise Unusable("Dovecot needs a user and a group with a name, and the caller has none") from error
    return Names(user, user, group, "", chroot=False)
