"""The configuration of the Samba domain as text. Pure; compared with a golden file.

May live here: text. May not: disk, processes. Every folder that Samba would otherwise share with Debian's own instance
is named, so that the two never meet; all but that of winbindd's socket, /run/samba/winbindd, which smbd's own library
has compiled in: where it is elsewhere nobody gets into a share.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.directory.domain.place import Domain

_SERVICES: Final = "s3fs, rpc, ldap, cldap, kdc, drepl, winbindd, ntp_signd, kcc, dnsupdate, dns"
"""What Samba serves: all of a domain controller but NetBIOS names (nbt, wrepl), which no PC of today asks for."""

_OURS: Final = "appliance.directory.domain"
_KEEPING: Final = ("/usr/bin/python3", "-P", "-m", f"{_OURS}.keeping", "--settings")
_CHECKER: Final = ("exec", "/usr/bin/python3", "-S", "-E", "-m", f"{_OURS}.check_password")
_TICKET_HOURS: Final = 10
"""A ticket lives as long as a school day and is not renewed: it would outlive a changed password."""
_OPEN_FILES: Final = 2000
"""Of one PC: the tables of open files have room for some thousands, and grow no more where somebody's limit is low."""
_CONNECTIONS: Final = 1000
"""Each is a process of 2 to 3 MB, also before anybody signed in; how many of one address is the guard's."""
_IDLE_MINUTES: Final = 15
"""Without an open file; a PC comes back by itself, unseen."""


def render_config(domain: Domain, databases: Path, program: Path, forwarders: tuple[str, ...]) -> str:
    """Return smb.conf for ``domain`` with its databases below ``databases``; our own programs lie in ``program``."""
    return "\n".join(
        (
            _section("global", _identity(domain) | _folders(domain, databases) | _rules(domain, program, forwarders)),
            _section("sysvol", {"path": f"{databases}/state/sysvol", "read only": "no"}),
            _section("netlogon", {"path": f"{databases}/state/sysvol/{domain.name}/scripts", "read only": "no"}),
            f"include = {domain.shares}\n",
        )
    )


def _identity(domain: Domain) -> dict[str, str]:
    interfaces = {"interfaces": " ".join(("lo", *domain.interfaces)), "bind interfaces only": "yes"}
    return {
        "netbios name": domain.host.upper(),
        "realm": domain.realm,
        "workgroup": domain.workgroup,
        "server role": "active directory domain controller",
        "server services": _SERVICES,
        "idmap_ldb:use rfc2307": "yes",
        **(interfaces if domain.interfaces else {}),
    }


def _folders(domain: Domain, databases: Path) -> dict[str, str]:
    return {
        "private dir": f"{databases}/private",
        "state directory": f"{databases}/state",
        "cache directory": f"{databases}/cache",
        "lock directory": f"{databases}/lock",
        "binddns dir": f"{databases}/private/bind-dns",
        "pid directory": f"{domain.runtime}/pid",
        "ncalrpc dir": f"{domain.runtime}/ncalrpc",
        "ntp signd socket directory": f"{domain.runtime}/ntp_signd",
    }


def _rules(domain: Domain, program: Path, forwarders: tuple[str, ...]) -> dict[str, str]:
    return {
        "dns forwarder": " ".join(forwarders),
        "dns update command": shlex.join((*_KEEPING, str(domain.settings))),
        "tls enabled": "yes",
        "tls certfile": f"{domain.tls}/cert.pem",
        "tls keyfile": f"{domain.runtime}/key.pem",
        "tls cafile": str(domain.authority),
        "check password script": _checker(domain, program),
        "old password allowed period": "0",
        "kdc:user ticket lifetime": str(_TICKET_HOURS),
        "kdc:service ticket lifetime": str(_TICKET_HOURS),
        "kdc:renewal lifetime": str(_TICKET_HOURS),
        "disable netbios": "yes",
        "smb ports": "445",
        "server min protocol": "SMB3_00",
        "server signing": "mandatory",
        "ntlm auth": "ntlmv2-only",
        "server multi channel support": "no",
        "max open files": str(_OPEN_FILES),
        "max smbd processes": str(_CONNECTIONS),
        "deadtime": str(_IDLE_MINUTES),
        "load printers": "no",
        "printing": "bsd",
        "printcap name": "/dev/null",
        "disable spoolss": "yes",
        "restrict anonymous": "2",
        "auth event notification": "yes",
        "usershare max shares": "0",
        "template shell": "/bin/false",
        "log level": "0",
        "log file": f"{domain.runtime}/samba.log",
        "max log size": "1000",
    }


def _checker(domain: Domain, program: Path) -> str:
    """Return the command that judges a new password: our own K02, in a Python that starts quickly."""
    words = (*_CHECKER, str(domain.folder / "school.names"))
    return f"cd {shlex.quote(str(program))} && {shlex.join(words)}"


def _section(name: str, options: Mapping[str, str]) -> str:
    lines = (f"    {option} = {value}" for option, value in options.items())
    return "\n".join((f"[{name}]", *lines, ""))
