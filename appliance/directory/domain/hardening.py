"""What a new domain allows and a school must not: made so in its databases, through Samba's libraries.

May live here: rules of the whole domain. May not: folders, accounts and their rights (``settling``), text of access
lists (``rights``). Every step looks first and writes only what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import ldb
from samba.samdb import SamDB

from appliance.directory.domain.rights import group_default, user_default

_COMPLEX: Final = 1  # DOMAIN_PASSWORD_COMPLEX: without it Samba asks no `check password script`
_NEVER: Final = str(-0x8000000000000000)
_RULES: Final = {
    "pwdProperties": str(_COMPLEX),
    "minPwdLength": "8",
    "pwdHistoryLength": "0",
    "minPwdAge": "0",
    "maxPwdAge": _NEVER,
    "lockoutThreshold": "0",  # nobody can lock a teacher out by typing nonsense
    "ms-DS-MachineAccountQuota": "0",  # only administrators make PCs members
}
_INDEXED_AND_KEPT: Final = 1 | 8  # searchFlags: indexed, kept when deleted ([MS-ADTS] 2.2.10)
_DEFAULT: Final = "defaultSecurityDescriptor"


def harden(sam: SamDB) -> None:
    """Apply the school's rules to the domain in ``sam``."""
    _keep(sam, sam.domain_dn(), _RULES)
    _close_compatible_access(sam)
    schema = str(sam.get_schema_basedn())
    _keep(sam, f"CN=User,{schema}", {_DEFAULT: user_default()})
    _keep(sam, f"CN=Group,{schema}", {_DEFAULT: group_default()})
    _keep(sam, f"CN=uid,{schema}", {"searchFlags": str(_INDEXED_AND_KEPT)})


def _keep(sam: SamDB, name: str, wanted: Mapping[str, str]) -> None:
    """See that the attributes of the entry ``name`` have the values ``wanted``."""
    found = sam.search(name, ldb.SCOPE_BASE, attrs=list(wanted))[0]
    differing = {one: value for one, value in wanted.items() if str(found.get(one, [""])[0]) != value}
    if differing:
        message = ldb.Message(found.dn)
        for attribute, value in differing.items():
            message[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        sam.modify(message)


def _close_compatible_access(sam: SamDB) -> None:
    """Nobody is in "Pre-Windows 2000 Compatible Access", whose members read every attribute of every account."""
    group = "<SID=S-1-5-32-554>"
    found = sam.search(group, ldb.SCOPE_BASE, attrs=["member"])[0]
    if "member" in found:
        message = ldb.Message(found.dn)
        message["member"] = ldb.MessageElement([], ldb.FLAG_MOD_DELETE, "member")
        sam.modify(message)
