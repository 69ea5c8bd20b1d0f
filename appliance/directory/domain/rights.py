"""Who may do and see what in the domain, as access lists in SDDL ([MS-DTYP] 2.5.1). Pure.

May live here: access control entries. May not: putting them anywhere (``settling``, ``hardening``). The supervisor
makes, changes and removes accounts and groups and writes no password; auth writes passwords and nothing else; a PC
reads accounts and groups, whom it has to let in; anybody else who signs in reads names and mail addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

_USER: Final = "bf967aba-0de6-11d0-a285-00aa003049e2"
_GROUP: Final = "bf967a9c-0de6-11d0-a285-00aa003049e2"
_RESET_PASSWORD: Final = "00299570-246d-11d0-a768-00aa006e0529"  # noqa: S105 - the name of a right
_CHANGE_PASSWORD: Final = "ab721a53-1e2f-11d0-9819-00aa0040529b"  # noqa: S105
_TOKEN_GROUPS: Final = "46a9b11d-60ae-405a-b7e8-ff8a58d456d2"  # noqa: S105
_READ: Final = "RPLCLORC"
_ALL: Final = "RPWPCRCCDCLCLORCWOWDSDDTSW"
_ATTRIBUTES: Final = {
    "objectClass": "bf9679e5-0de6-11d0-a285-00aa003049e2",
    "objectGUID": "bf9679e7-0de6-11d0-a285-00aa003049e2",
    "objectSid": "bf9679e8-0de6-11d0-a285-00aa003049e2",
    "distinguishedName": "bf9679e4-0de6-11d0-a285-00aa003049e2",
    "name": "bf967a0e-0de6-11d0-a285-00aa003049e2",
    "cn": "bf96793f-0de6-11d0-a285-00aa003049e2",
    "sAMAccountName": "3e0abfd0-126a-11d0-a060-00aa006c33ed",
    "userPrincipalName": "28630ebb-41d5-11d1-a9c1-0000f80367c1",
    "uid": "0bb0fca0-1e89-429f-901a-1413894d9f59",
    "givenName": "f0f8ff8e-1191-11d0-a060-00aa006c33ed",
    "sn": "bf967a41-0de6-11d0-a285-00aa003049e2",
    "displayName": "bf967953-0de6-11d0-a285-00aa003049e2",
    "mail": "bf967961-0de6-11d0-a285-00aa003049e2",
    "uidNumber": "850fcc8f-9c6b-47e1-b671-7c654be4d5b3",
    "gidNumber": "c5b95f0c-ec9e-41c4-849c-b46597ed6696",
    "employeeType": "a8df73f0-c5ea-11d1-bbcb-0080c76670c0",
    "unixHomeDirectory": "bc2dba12-000f-464d-bf1d-0808465d8843",
    "loginShell": "a553d12c-3231-4c5e-8adf-8d189697721e",
    "userAccountControl": "bf967a68-0de6-11d0-a285-00aa003049e2",
    "logonHours": "bf9679ab-0de6-11d0-a285-00aa003049e2",
    "description": "bf967950-0de6-11d0-a285-00aa003049e2",
    "member": "bf9679c0-0de6-11d0-a285-00aa003049e2",
    "pwdLastSet": "bf967a0a-0de6-11d0-a285-00aa003049e2",
}
_NAMES: Final = (
    *("objectClass", "objectGUID", "objectSid", "distinguishedName", "name", "cn", "sAMAccountName"),
    *("userPrincipalName", "uid", "givenName", "sn", "displayName", "mail"),
)
"""What everybody who signs in reads of everybody."""
_OF_ACCOUNTS: Final = (
    *("name", "cn", "sAMAccountName", "userPrincipalName", "uid", "uidNumber", "gidNumber", "givenName", "sn"),
    *("displayName", "mail", "employeeType", "unixHomeDirectory", "loginShell", "userAccountControl", "logonHours"),
)
_OF_GROUPS: Final = ("name", "cn", "sAMAccountName", "gidNumber", "description", "member")
"""What the supervisor writes: nothing that would open an account to somebody else (service principals, delegation)."""


def user_default() -> str:
    """Return what a new account's own access list is: names for everybody, all for oneself and for administrators.

    Nobody writes his own attributes (K35). Everyone may try to change a password by giving the old one.
    """
    return _default(
        f"(A;;{_READ};;;PS)",
        f"(OA;;CR;{_CHANGE_PASSWORD};;PS)",
        f"(OA;;CR;{_CHANGE_PASSWORD};;WD)",
        f"(OA;;RP;{_TOKEN_GROUPS};;S-1-5-32-560)",
    )


def group_default() -> str:
    """Return what a new group's own access list is: its name for everybody, not its members (K05)."""
    return _default(f"(OA;;RP;{_TOKEN_GROUPS};;S-1-5-32-560)")


def domain_rights(supervisor: str, auth: str) -> tuple[str, ...]:
    """Return what is added to the top entry for the two service accounts, given by SID: they read everything."""
    return tuple(f"(A;CI;{_READ};;;{who})" for who in (supervisor, auth))


def deleted_rights(supervisor: str) -> tuple[str, ...]:
    """Return what is added to the folder of deleted objects, which the supervisor looks through for changes."""
    return (f"(A;;LCRPLO;;;{supervisor})",)


def people_rights(supervisor: str, auth: str, computers: str) -> tuple[str, ...]:
    """Return what is added to the folder of people for the service accounts and all PCs."""
    return (
        f"(OA;;CCDC;{_USER};;{supervisor})",
        f"(OA;CIIO;SD;;{_USER};{supervisor})",
        *_writes(_OF_ACCOUNTS, _USER, supervisor),
        f"(OA;CIIO;CR;{_RESET_PASSWORD};{_USER};{auth})",
        *_writes(("pwdLastSet",), _USER, auth),
        f"(OA;CIIO;{_READ};;{_USER};{computers})",
    )


def groups_rights(supervisor: str, computers: str) -> tuple[str, ...]:
    """Return what is added to the folder of the folders of groups."""
    return (
        f"(OA;CI;CCDC;{_GROUP};;{supervisor})",
        f"(OA;CIIO;SD;;{_GROUP};{supervisor})",
        *_writes(_OF_GROUPS, _GROUP, supervisor),
        f"(OA;CIIO;{_READ};;{_GROUP};{computers})",
    )


def _writes(attributes: Iterable[str], kind: str, who: str) -> Iterator[str]:
    return (f"(OA;CIIO;WP;{_ATTRIBUTES[attribute]};{kind};{who})" for attribute in attributes)


def _default(*entries: str) -> str:
    administrators = "".join(f"(A;;{_ALL};;;{who})" for who in ("DA", "SY", "AO"))
    names = "".join(f"(OA;;RP;{_ATTRIBUTES[attribute]};;AU)" for attribute in _NAMES)
    return f"D:{administrators}{''.join(entries)}{names}(A;;RC;;;AU)"
