"""``/usr/bin/python3 -m appliance.directory.domain.computers``: accounts of the school's PCs, made and removed by root.

A program of its own, because it lives in Samba's libraries; ``schoolserver pcs`` starts it. It works on the domain's
own database, whether the domain runs or not. ``add`` writes NAME.sh for each PC into the folder that is given. Exit
codes: 0 done, 1 refused, 2 wrong settings.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.daemon.arguments import settings_parser
from appliance.daemon.options_reading import SettingsError
from appliance.daemon.whole_file import write_whole
from appliance.directory.domain.linux_pc import NAME, RULES, TEMPLATE, render_script
from appliance.directory.domain.place import Domain, domain_of
from appliance.directory.names import equals
from appliance.settings.load import load

if TYPE_CHECKING:
    from samba.samdb import SamDB

    from appliance.settings.load import Settings

_WORKSTATION = "(objectCategory=computer)(userAccountControl:1.2.840.113556.1.4.803:=4096)"
"""Members of the domain only ([MS-ADTS] 2.2.16): no domain controller."""


class Refused(Exception):
    """It cannot be done; the text says why and what to do."""


def main(argv: Sequence[str]) -> int:
    """Do it, and return the exit code."""
    parser = settings_parser("The school's PCs in the domain.", "schoolserver pcs")
    parser.add_argument("--folder", metavar="DIR", type=Path, default=Path())
    parser.add_argument("verb", choices=("add", "remove", "list"))
    parser.add_argument("names", metavar="NAME", nargs="*")
    options = parser.parse_args(argv)
    try:
        settings = load(options.settings.absolute())
        computers = Computers(domain_of(settings))
        if options.verb == "list":
            sys.stdout.writelines(f"{name}\n" for name in computers.names())
        computers.check(options.names if options.verb == "add" else ())
        for name in options.names:
            if options.verb == "add":
                path = options.folder / f"{name}.sh"
                write_whole(path, script(settings, name, computers.add(name)).encode(), 0o600)
                print(f"{path}: take it to the PC, and there as root: sh {path.name}")
            else:
                computers.remove(name)
                print(f"{name}: nobody logs on there any more")
    except SettingsError as error:
        print(f"wrong settings\n{error}", file=sys.stderr)
        return 2
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class Computers:
    """The accounts of PCs in ``domain``, whose database is here; raises :class:`Refused`."""

    def __init__(self, domain: Domain) -> None:
        if os.geteuid() != 0:
            raise Refused("only root can do this")
        if not domain.private.exists():
            raise Refused(f"{domain.private} is missing: this server has no domain of its own (directory.yaml: kind)")
        self._samdb = _opened(domain)

    def check(self, names: Iterable[str]) -> None:
        """See that PCs can have these names."""
        for name in names:
            if not NAME.fullmatch(name):
                raise Refused(f"{name}: a PC's name has at most 15 small letters, digits and dashes, and a letter")
            self._found(f"{name.upper()}$")

    def add(self, name: str) -> str:
        """Make the account of the PC ``name``, or make it new, and return the password with which it joins, once."""
        from ldb import LdbError

        password = secrets.token_urlsafe(24)
        try:
            with_dollar = f"{name.upper()}$"
            if not self._found(with_dollar):
                self._samdb.newcomputer(name)
            self._samdb.setpassword(_filter(with_dollar), password)
        except LdbError as error:
            raise Refused(f"{name}: the domain does not take this PC: {error.args[1]}") from error
        return password

    def remove(self, name: str) -> None:
        """Remove the account: nobody logs on there any more."""
        found = self._found(f"{name.upper()}$")
        if not found:
            raise Refused(f"{name}: no PC of this name is in the domain")
        self._samdb.delete(found[0], ["tree_delete:1"])

    def names(self) -> list[str]:
        """Return the names of all PCs, in small letters, sorted."""
        found = self._samdb.search(expression=f"(&{_WORKSTATION})", attrs=["sAMAccountName"])
        return sorted(str(entry["sAMAccountName"]).rstrip("$").lower() for entry in found)

    def _found(self, account: str) -> list[str]:
        """Return the distinguished name of this PC's entry; a server of the domain is not for us to change."""
        found = self._samdb.search(expression=_filter(account), attrs=["userAccountControl"])
        if any(not int(str(entry["userAccountControl"])) & 0x1000 for entry in found):
            raise Refused(f"{account.rstrip('$').lower()}: this name is that of a server of the domain")
        return [str(entry.dn) for entry in found]


def script(settings: Settings, name: str, once: str) -> str:
    """Return the file for the Linux PC ``name``."""
    return render_script(
        TEMPLATE.read_text(encoding="utf-8"),
        name=name,
        domain=settings.domain.name,
        server=settings.domain.fqdn,
        authority=domain_of(settings).authority.read_text(encoding="ascii"),
        once=once,
        cached_log_ons=settings.pcs.cached_log_ons > 0,
        rule=RULES[settings.school.language],
    )


def _filter(account: str) -> str:
    return f"(&(objectClass=computer){equals('sAMAccountName', account)})"


def _opened(domain: Domain) -> SamDB:
    from samba.auth import system_session
    from samba.param import LoadParm
    from samba.samdb import SamDB

    options = LoadParm()
    options.load(str(domain.config))
    return SamDB(url=str(domain.private / "sam.ldb"), session_info=system_session(options), lp=options)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
