"""Keeps the keytabs of our services: ``/usr/bin/python3 -m appliance.directory.domain.keytabs --settings DIR``.

A program of its own, because it lives in Samba's libraries and reads the database as root, without a network; the
privileged helper starts it. Each service has an account in the domain: its names, and a password that is chance and
known to nobody, from which the keys follow. One run sees to account, names, age of the password and file, writes only
what differs, and prints as JSON whose keytab is another now: ``{"changed": ["imap"]}``. Exit 3: no domain is made yet.

Keys of the former password stay in the file, for tickets that run. A new password is committed only after its keys are
in the file: nobody gets a ticket that the service cannot open.
"""

from __future__ import annotations

import binascii
import json
import os
import pwd
import secrets
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import ldb
from samba.auth import system_session
from samba.dcerpc import drsblobs
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

from appliance.daemon.arguments import settings_parser
from appliance.daemon.identities import Identities
from appliance.daemon.whole_file import Owner, write_whole
from appliance.directory.domain.keytab_file import Key, keytab
from appliance.directory.domain.place import domain_of
from appliance.settings.load import Settings, load
from appliance.settings.names import server_names

SERVICES: Final = {"mail": "smtp", "imap": "imap", "proxy": "HTTP"}
"""The parts that take tickets, and by which name of a service clients ask for one."""

_AES: Final = (18, 17)  # RFC 3962; the newest first
_ONLY_AES: Final = "24"  # [MS-KILE] 2.2.7
_SERVICE_ACCOUNT: Final = str(0x200 | 0x10000)  # an account, its password does not get old
_OLD: Final = timedelta(days=90)
_FILETIME: Final = datetime(1601, 1, 1, tzinfo=UTC)
_NEWER_KEYS: Final = "Primary:Kerberos-Newer-Keys"
_WHAT: Final = (
    "servicePrincipalName",
    "msDS-SupportedEncryptionTypes",
    "msDS-KeyVersionNumber",
    "pwdLastSet",
    "supplementalCredentials",
)
_NOT_MADE: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where the keytab of ``part`` goes and whose it is; ``names`` are those of the service."""

    part: str
    path: Path
    owner: Owner
    names: tuple[str, ...]


class Keeper:
    """Keeps accounts in ``sam``, below ``folder``, and their files; ``now`` is aware."""

    def __init__(self, sam: SamDB, folder: str, realm: str, now: datetime) -> None:
        self._sam = sam
        self._folder = folder
        self._realm = realm
        self._now = now

    def keep(self, place: Place) -> bool:
        """See to one service; whether its file is another now. Raises ``OSError`` or ``ldb.LdbError``."""
        entry = f"CN={place.part},{self._folder}"
        self._sam.transaction_start()
        try:
            self._settle(entry, place)
            wanted = keytab(self._realm, place.names, self._keys(self._find(entry)))
            changed = not _stands(place, wanted)
            if changed:
                write_whole(place.path, wanted, 0o400, place.owner)
            self._sam.transaction_commit()
        except BaseException:
            self._sam.transaction_cancel()
            raise
        return changed

    def _settle(self, entry: str, place: Place) -> None:
        """Make or mend the account."""
        found = self._find(entry)
        if found is None:
            self._sam.add(
                {
                    "dn": entry,
                    "objectClass": "user",
                    "sAMAccountName": f"schoolserver-{place.part}",
                    "userAccountControl": _SERVICE_ACCOUNT,
                    "msDS-SupportedEncryptionTypes": _ONLY_AES,
                    "servicePrincipalName": list(place.names),
                    "unicodePwd": _new_password(),
                }
            )
            return
        if sorted(map(str, found.get("servicePrincipalName", ()))) != sorted(place.names):
            self._replace(entry, "servicePrincipalName", list(place.names))
        if str(found.get("msDS-SupportedEncryptionTypes", "")) != _ONLY_AES:
            self._replace(entry, "msDS-SupportedEncryptionTypes", _ONLY_AES)
        since = _FILETIME + timedelta(microseconds=int(str(found["pwdLastSet"])) // 10)
        if self._now - since > _OLD or not list(_aes(found)):
            self._replace(entry, "unicodePwd", _new_password())

    def _keys(self, found: Any) -> Iterator[Key]:
        """Give the keys of the present password and of the two before it."""
        version = int(str(found["msDS-KeyVersionNumber"]))
        for age, kind, value in _aes(found):
            if version - age > 0:
                yield Key(kind, version - age, value)

    def _find(self, entry: str) -> Any:
        try:
            return self._sam.search(entry, ldb.SCOPE_BASE, attrs=list(_WHAT))[0]
        except ldb.LdbError as error:
            if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
                return None
            raise

    def _replace(self, entry: str, attribute: str, value: str | bytes | list[str]) -> None:
        message = ldb.Message(ldb.Dn(self._sam, entry))
        message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        self._sam.modify(message)


def _aes(found: Any) -> Iterator[tuple[int, int, bytes]]:
    """Give age (0: present), kind and value of each AES key of an account ([MS-SAMR] 2.2.10)."""
    if "supplementalCredentials" not in found:
        return
    blob = ndr_unpack(drsblobs.supplementalCredentialsBlob, found["supplementalCredentials"][0])
    for package in blob.sub.packages:
        if package.name == _NEWER_KEYS:
            keys = ndr_unpack(drsblobs.package_PrimaryKerberosBlob, binascii.a2b_hex(package.data)).ctr
            for age, some in enumerate((keys.keys, keys.old_keys, keys.older_keys)):
                for kind in _AES:
                    yield from ((age, kind, bytes(key.value)) for key in some if key.keytype == kind)


def _new_password() -> bytes:
    return f'"{secrets.token_urlsafe(48)}-Aa1"'.encode("utf-16-le")


def _stands(place: Place, wanted: bytes) -> bool:
    """Whether the file is there already as it has to be."""
    try:
        about = place.path.lstat()
        as_it_should = (stat.S_IFREG | 0o400, place.owner) == (about.st_mode, (about.st_uid, about.st_gid))
        return as_it_should and place.path.read_bytes() == wanted
    except FileNotFoundError:
        return False


def places(settings: Settings) -> Iterator[Place]:
    """Give the parts that are installed here."""
    called = dict.fromkeys((settings.domain.fqdn, *server_names(settings)))
    names = [name for name in called if not name.replace(".", "").isdecimal() and ":" not in name]
    for part, service in SERVICES.items():
        folder = settings.server.state / part
        owner = _owner(settings, part)
        if owner is not None and folder.is_dir():
            yield Place(part, folder / "krb5.keytab", owner, tuple(f"{service}/{name}" for name in names))


def _owner(settings: Settings, part: str) -> Owner | None:
    """Whose the keytab is: the part's, and of Dovecot's own user, who opens tickets there."""
    try:
        if part == "imap" and settings.server.identity != "same":
            dovecot = pwd.getpwnam("dovecot")
            return dovecot.pw_uid, dovecot.pw_gid
        own = Identities(settings.server).of(part if part != "imap" else "mail")
    except LookupError:
        return None
    return own.uid, own.gid


def main(argv: Sequence[str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Keep all of them; gives the exit code."""
    parser = settings_parser("Keeps the keytabs of the school's services.")
    settings = load(parser.parse_args(argv).settings.absolute())
    domain = domain_of(settings)
    if not domain.private.is_dir():
        print(f"{domain.folder}: no domain is made yet", file=sys.stderr)
        return _NOT_MADE
    os.umask(0o077)
    options = LoadParm()
    options.load(str(domain.config))
    options.set("check password script", "")  # these passwords are chance, and no person's
    try:
        sam = SamDB(url=options.private_path("sam.ldb"), session_info=system_session(), lp=options)
        keeper = Keeper(sam, domain.tree.service("x").partition(",")[2], domain.realm, now())
        changed = [place.part for place in places(settings) if keeper.keep(place)]
    except (ldb.LdbError, OSError) as error:
        print(f"{domain.folder}: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"changed": changed}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
