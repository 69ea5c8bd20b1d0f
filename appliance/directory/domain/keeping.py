"""What the server keeps in the domain by itself: ``/usr/bin/python3 -P -m appliance.directory.domain.keeping``.

Group policy for the PCs, and the records of the DNS. It runs before Samba starts, and Samba runs it every few minutes
(``dns update command``), so that an address that changed, a new certificate or a new group is found. It works on
Samba's databases, as root; when all is as it should be it changes nothing. Exit 0 when all is right, 1 when something
could not be brought about, 2 on wrong settings.
"""

from __future__ import annotations

import fcntl
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samba3 import param as s3param
from samba.samba3 import passdb
from samba.samdb import SamDB

from appliance.daemon.arguments import settings_parser
from appliance.daemon.options_reading import SettingsError
from appliance.daemon.own_addresses import own_addresses
from appliance.daemon.whole_file import write_whole
from appliance.directory.domain.dns_records import shared_names, wanted
from appliance.directory.domain.dns_zone import Zones
from appliance.directory.domain.group_policy import GroupPolicy
from appliance.directory.domain.group_policy_content import machine_content, user_content
from appliance.directory.domain.group_policy_drives import Members
from appliance.directory.domain.group_policy_told import told_by
from appliance.directory.domain.owners import take_over
from appliance.directory.domain.place import Domain, domain_of
from appliance.policy.account import GroupKind
from appliance.settings.load import load

if TYPE_CHECKING:
    from appliance.settings.load import Settings


def main(argv: Sequence[str]) -> int:
    """Bring everything to what the settings ask for; return the exit code."""
    parser = settings_parser("Brings the domain's group policy and DNS up to date.")
    options, _ = parser.parse_known_args(argv)  # Samba adds options that its own program has
    try:
        for what in keep(load(options.settings.absolute())):
            print(f"schoolserver domain: {what} brought up to date", file=sys.stderr)
    except SettingsError as error:
        print(f"schoolserver domain: wrong settings\n{error}", file=sys.stderr)
        return 2
    except (OSError, ldb.LdbError, RuntimeError) as error:
        print(f"schoolserver domain: {error}", file=sys.stderr)
        return 1
    return 0


def keep(settings: Settings) -> list[str]:
    """Bring everything to what ``settings`` ask for; name what was not so before.

    Raise ``OSError``, ``ldb.LdbError`` or ``RuntimeError`` (Samba's) when that cannot be done.
    """
    domain = domain_of(settings)
    with _alone(domain):
        samdb, lp = _opened(domain)
        told = told_by(settings, _authority(settings), _staff(samdb, domain))
        policy = GroupPolicy(
            samdb,
            lp,
            passdb.PDB(f"samba_dsdb:{samdb.url}"),
            domain.name,
            domain.sysvol / domain.name / "Policies",
            domain.folder / "group-policy.half",
        )
        zones, addresses = Zones(samdb, domain.folder / "dns.json"), _addresses(settings)
        done = {
            "owners of accounts": _take_over(samdb, domain),
            "rights in the DNS": zones.guard(),
            "DNS": bool(addresses) and zones.keep(wanted(settings, addresses), domain.fqdn, shared_names(settings)),
            "group policy": policy.keep(machine_content(told), user_content(told)),
        }
    return [what for what, changed in done.items() if changed]


def _take_over(samdb: Any, domain: Domain) -> bool:
    """Take over what was made since the last time; how far that was is noted by the number of the last change."""
    note = domain.folder / "owners.seen"
    last = int(samdb.search("", ldb.SCOPE_BASE, attrs=["highestCommittedUSN"])[0]["highestCommittedUSN"][0])
    seen = int(note.read_text(encoding="ascii")) if note.exists() else 0
    taken = take_over(samdb, domain.tree, seen if seen <= last else 0)
    if last != seen:
        write_whole(note, str(last).encode(), 0o600)
    return taken > 0


@contextmanager
def _alone(domain: Domain) -> Iterator[None]:
    """Wait until nobody else does the same."""
    with (domain.folder / "keeping").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _opened(domain: Domain) -> tuple[Any, Any]:
    lp = LoadParm()
    lp.load(str(domain.config))
    samdb = SamDB(url=str(domain.private / "sam.ldb"), session_info=system_session(lp), lp=lp)
    files = s3param.get_context()  # the file server's half of Samba, which knows the rights of files, has its own
    files.load(str(domain.config))
    files.set("passdb backend", f"samba_dsdb:{samdb.url}")
    return samdb, lp


def _authority(settings: Settings) -> bytes | None:
    try:
        text = (settings.server.state / "authority" / "ca.pem").read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return ssl.PEM_cert_to_DER_cert(text)


def _staff(samdb: Any, domain: Domain) -> list[Members]:
    """Return the groups of the staff, who have folders of their own."""
    top = domain.tree.groups_of(GroupKind.STAFF)
    try:
        found = samdb.search(top, ldb.SCOPE_ONELEVEL, "(objectClass=group)", ["sAMAccountName", "objectSid"])
    except ldb.LdbError as error:
        if error.args[0] == ldb.ERR_NO_SUCH_OBJECT:
            return []
        raise
    groups = (
        Members(
            rf"{domain.workgroup}\{one['sAMAccountName'][0]}", str(ndr_unpack(security.dom_sid, one["objectSid"][0]))
        )
        for one in found
    )
    return sorted(groups, key=lambda group: group.name)


def _addresses(settings: Settings) -> tuple[Any, ...]:
    return own_addresses(settings.network.networks, settings.domain.interfaces)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
