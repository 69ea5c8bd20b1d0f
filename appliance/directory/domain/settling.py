"""Sees that what the school needs is in the databases: ``/usr/bin/python3 -m appliance.directory.domain.settling``.

A program of its own, because it lives in Samba's libraries: ``prepare`` runs it before each start, with smb.conf as its
argument and on standard input (JSON) ``base``, ``kinds`` of groups, ``passwords`` (of the service accounts) and ``new``
(those whose password is to be written even if they exist). Every step looks first, so that it can be run again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

from appliance.directory.domain.hardening import harden
from appliance.directory.domain.owners import take_over
from appliance.directory.domain.rights import deleted_rights, domain_rights, groups_rights, people_rights
from appliance.directory.names import child
from appliance.directory.tree import Tree

_ACCOUNTS = ("supervisor", "auth")
_NORMAL, _LASTING = 0x200, 0x10000  # userAccountControl: an account, its password does not get old
_COMPUTERS = 515


class Settling:
    """Works on ``sam`` below ``tree``."""

    def __init__(self, sam: SamDB, tree: Tree) -> None:
        self._sam, self._tree = sam, tree
        self._sid = security.dom_sid(sam.get_domain_sid())

    def folders(self, kinds: Sequence[str]) -> None:
        """Make the folders of people, groups and services."""
        tree = self._tree
        services = child("ou", "services", tree.base)
        for name in (tree.people, tree.groups, *(child("ou", kind, tree.groups) for kind in kinds), services):
            if not self._exists(name):
                self._sam.add({"dn": name, "objectClass": "organizationalUnit"})

    def account(self, name: str, password: str, new: bool) -> None:
        """See that there is the service account ``name``; a ``new`` one, or one made now, gets ``password``."""
        entry, login = self._tree.service(name), f"schoolserver-{name}"
        made = not self._exists(entry)
        if made:
            self._sam.add({"dn": entry, "objectClass": "user", "sAMAccountName": login})
        if made or new:
            self._sam.setpassword(f"(sAMAccountName={login})", password)
            self._replace(entry, "userAccountControl", str(_NORMAL | _LASTING))

    def grant(self) -> None:
        """Give the service accounts and the PCs their rights."""
        supervisor, auth = (self._sid_of(self._tree.service(name)) for name in _ACCOUNTS)
        computers = f"{self._sid}-{_COMPUTERS}"
        self._add_rights(self._tree.base, domain_rights(supervisor, auth))
        self._add_rights(f"CN=Deleted Objects,{self._tree.base}", deleted_rights(supervisor))
        self._add_rights(self._tree.people, people_rights(supervisor, auth, computers))
        self._add_rights(self._tree.groups, groups_rights(supervisor, computers))

    def _add_rights(self, name: str, entries: Sequence[str]) -> None:
        found = self._sam.search(name, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=["show_deleted:1"])[0]
        descriptor = ndr_unpack(security.descriptor, found["nTSecurityDescriptor"][0])
        wanted = security.descriptor.from_sddl("D:" + "".join(entries), self._sid)
        present = {ndr_pack(ace) for ace in descriptor.dacl.aces}
        missing = [ace for ace in wanted.dacl.aces if ndr_pack(ace) not in present]
        for ace in missing:
            descriptor.dacl_add(ace)
        if missing:
            self._replace(name, "nTSecurityDescriptor", ndr_pack(descriptor), ["show_deleted:1"])

    def _replace(self, name: str, attribute: str, value: str | bytes, controls: Sequence[str] = ()) -> None:
        message = ldb.Message(ldb.Dn(self._sam, name))
        message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        self._sam.modify(message, controls=list(controls))

    def _exists(self, name: str) -> bool:
        try:
            return bool(self._sam.search(name, ldb.SCOPE_BASE, attrs=["cn"]))
        except ldb.LdbError as error:
            if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
                return False
            raise

    def _sid_of(self, name: str) -> str:
        found = self._sam.search(name, ldb.SCOPE_BASE, attrs=["objectSid"])[0]
        return str(ndr_unpack(security.dom_sid, found["objectSid"][0]))


def main(argv: list[str]) -> int:
    """Settle it; return the exit code."""
    wanted = json.load(sys.stdin)
    options = LoadParm()
    options.load(argv[0])
    options.set("check password script", "")  # these passwords are chance, and no person's
    options.set("dsdb:schema update allowed", "yes")
    sam = SamDB(url=options.private_path("sam.ldb"), session_info=system_session(), lp=options)
    harden(sam)
    tree = Tree(wanted["base"])
    settling = Settling(sam, tree)
    settling.folders(wanted["kinds"])
    for name in _ACCOUNTS:
        settling.account(name, wanted["passwords"][name], name in wanted["new"])
    settling.grant()
    take_over(sam, tree)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
