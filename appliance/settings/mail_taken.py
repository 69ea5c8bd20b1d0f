"""Addresses in mail.yaml that do not do what they seem to: somebody has them, or they reach nobody.

May live here: comparing them with names of accounts and groups. May not: where these come from, what is wrong in
mail.yaml by itself (``mail_rules``). No line names a person: an alert goes out of the house.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Final

from appliance.settings.mail_rules import RoleAddress

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_ALWAYS: Final = frozenset({"postmaster"})


def address_problems(
    settings: Settings, logins: Collection[str], groups: Collection[str], reaches: Callable[[RoleAddress], bool]
) -> list[str]:
    """Give a line for each address of a role or a device that is somebody else's, or that reaches nobody.

    ``logins`` of accounts and names of ``groups``, in lower case; ``reaches`` says whether anybody is behind an entry.
    """
    found, addresses = [], settings.mail.rules.addresses
    for local, who in addresses.items():
        source = settings.sources[f"mail.rules.addresses.{local}"]
        place = f"{source.file}:{source.line} rules.addresses"
        if local in logins:
            found.append(f"{place}: an account has this address and gets the mail, so that the line does nothing")
            continue
        problems = [*_wrong(local, who, logins, groups), *(() if reaches(who) else ("reaches nobody who takes mail",))]
        found += [f"{place}.{local} {problem}" for problem in problems]
    for number, device in enumerate(settings.mail.devices):
        local = device.sender.partition("@")[0]
        if any(local in names for names in (logins, groups, addresses, _ALWAYS)):
            source = settings.sources[f"mail.devices[{number}].sender"]
            found.append(f"{source}: an account, group or role has this address, so the device's mail is refused")
    return found


def _wrong(local: str, who: RoleAddress, logins: Collection[str], groups: Collection[str]) -> Iterator[str]:
    if local in groups:
        yield "takes the mail of the group of this name, whose members do not get it"
    missing = [name for name in who.groups if name not in groups]
    if missing:
        yield f"names groups that do not exist: {', '.join(missing)}"
    unknown = sum(login not in logins for login in who.users)
    if unknown:
        yield f"names {unknown} of {len(who.users)} users that do not exist"
