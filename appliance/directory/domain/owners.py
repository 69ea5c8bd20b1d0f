"""Takes entries over from the account that made them, through Samba's libraries.

Whoever makes an entry owns it, and an owner may always change its access list ([MS-ADTS] 5.1.3.3.3): the supervisor
could give itself the right to write passwords. So what it made becomes the administrators', with the access list that
the schema and the folder give, and nothing else. May not live here: those lists (``rights``).
"""

from __future__ import annotations

from typing import Final

import ldb
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.samdb import SamDB

from appliance.directory.domain.rights import group_default, user_default
from appliance.directory.tree import Tree

_ADMINISTRATORS: Final = 512


def take_over(sam: SamDB, tree: Tree, made_after: int = 0) -> int:
    """Take over accounts and groups made after the change of number ``made_after`` (uSNCreated); return how many.

    Raises ``ldb.LdbError``.
    """
    domain = security.dom_sid(sam.get_domain_sid())
    administrators = security.dom_sid(f"{domain}-{_ADMINISTRATORS}")
    taken = 0
    for folder, kind, default in ((tree.people, "user", user_default()), (tree.groups, "group", group_default())):
        condition = f"(&(objectClass={kind})(uSNCreated>={made_after + 1}))"
        for entry in sam.search(folder, ldb.SCOPE_SUBTREE, condition, attrs=["nTSecurityDescriptor"]):
            if ndr_unpack(security.descriptor, entry["nTSecurityDescriptor"][0]).owner_sid != administrators:
                descriptor = security.descriptor.from_sddl(f"O:DAG:DA{default}", domain)
                _write(sam, entry.dn, descriptor)
                taken += 1
    return taken


def _write(sam: SamDB, name: ldb.Dn, descriptor: security.descriptor) -> None:
    """Write owner, group and own entries; Samba adds what the folder hands down."""
    message = ldb.Message(name)
    message["d"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    sam.modify(message)
