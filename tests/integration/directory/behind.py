"""Whoever may do everything in a directory, behind our back: slapd's root, the domain's Administrator."""

from __future__ import annotations

import shlex
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import ldap3

from appliance.directory.slapd.embedded import embedded
from appliance.directory.tree import Tree
from tests.integration.support_domain import RunningDomain
from tests.integration.support_slapd import Slapd, write_settings

_SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)


class RootedSlapd(Slapd):
    """Our slapd, started with a password for its root."""

    def argv(self) -> list[str]:
        server = embedded(self.settings)
        prepare = shlex.join([*super().argv(), "--prepare-only"])
        line = f"sed -i '/^rootdn /a rootpw secret' {shlex.quote(str(server.config))}"
        run = ["/usr/sbin/slapd", "-f", str(server.config), "-h", f"ldapi://{quote(str(server.socket), safe='')}"]
        return ["/bin/sh", "-ec", f"{prepare}; {line}; exec {shlex.join([*run, '-d', '0'])}"]


@contextmanager
def start_rooted(folder: Path) -> Iterator[Slapd]:
    """Run such a slapd until the end."""
    slapd = RootedSlapd(write_settings(folder))
    slapd.start()
    try:
        yield slapd
    finally:
        slapd.kill()


class Behind:
    """One connection on which everything may be done; names of entries as this kind of directory has them."""

    tree: Tree

    def __init__(self, server: Slapd | RunningDomain) -> None:
        self.domain = isinstance(server, RunningDomain)
        if isinstance(server, RunningDomain):
            self.tree, self._first = server.place.tree, "cn"
            host, port = server.address
            tls = ldap3.Tls(validate=ssl.CERT_NONE)
            where = ldap3.Server(host, port, use_ssl=True, tls=tls, get_info=ldap3.NONE)
            who, password = f"administrator@{server.place.name}", server.administrator
        else:
            place = embedded(server.settings)
            self.tree, self._first = place.tree, "uid"
            where = ldap3.Server(f"ldapi://{quote(str(place.socket), safe='')}", get_info=ldap3.NONE)
            who, password = f"cn=internal,{place.tree.base}", "secret"
        self._sign_in = where, who, password
        self.open()

    def open(self) -> None:
        """Connect, be it again."""
        where, who, password = self._sign_in
        self._link = ldap3.Connection(where, who, password, check_names=False, auto_bind=True)

    def person(self, login: str, folder: str = "") -> str:
        return f"{self._first}={login},{folder or self.tree.people}"

    def group(self, name: str, kind: str = "class") -> str:
        return f"cn={name},ou={kind},{self.tree.groups}"

    def folder(self, name: str, above: str = "") -> str:
        """Make one for people below ``above`` (their own one) and give its name."""
        made = f"ou={name},{above or self.tree.people}"
        self._done(self._link.add(made, ["organizationalUnit"]))
        return made

    def change(self, name: str, attribute: str, *values: str) -> None:
        self._done(self._link.modify(name, {attribute: [(ldap3.MODIFY_REPLACE, list(values))]}))

    def join(self, group: str, member: str) -> None:
        self._done(self._link.modify(group, {"member": [(ldap3.MODIFY_ADD, [member])]}))

    def rename(self, name: str, first: str, above: str | None = None) -> None:
        self._done(self._link.modify_dn(name, first, new_superior=above))

    def delete(self, name: str) -> None:
        self._done(self._link.delete(name))

    def undelete(self, login: str) -> None:
        """Bring back an account that was deleted ([MS-ADTS] 3.1.1.5.3.7)."""
        top = self.tree.base
        self._link.search(f"CN=Deleted Objects,{top}", f"(uid={login})", controls=[_SHOW_DELETED])
        (entry,) = [one for one in self._link.response if one["type"] == "searchResEntry"]
        changes = {
            "isDeleted": [(ldap3.MODIFY_DELETE, [])],
            "distinguishedName": [(ldap3.MODIFY_REPLACE, [self.person(login)])],
        }
        self._done(self._link.modify(entry["dn"], changes, controls=[_SHOW_DELETED]))

    def close(self) -> None:
        self._link.unbind()

    def _done(self, good: bool) -> None:
        assert good, self._link.result
