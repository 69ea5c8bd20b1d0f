"""Makes the databases of a new domain: ``/usr/bin/python3 -m appliance.directory.domain.making SMB.CONF``.

A program of its own, because it lives in Samba's libraries: ``prepare`` runs it. What is to be made it reads from the
given smb.conf and from standard input (JSON: ``domain``, ``address``, ``password``), so that no command line shows the
Administrator's password. Only here and in ``hardening`` is Samba's Python imported.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from inspect import signature

from samba import dsdb
from samba.auth import system_session
from samba.param import LoadParm
from samba.provision import FILL_FULL, ProvisioningError, provision

_LATER: Mapping[str, None] = {"adprep_level": None} if "adprep_level" in signature(provision).parameters else {}
"""Samba 4.22 would raise the schema to that of Windows 2016 afterwards: on both releases it shall be the same."""


def main(argv: list[str]) -> int:
    """Make them; return the exit code."""
    wanted = json.load(sys.stdin)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    options = LoadParm()
    options.load(argv[0])
    try:
        provision(
            logging.getLogger("provision"),
            system_session(),
            smbconf=argv[0],
            lp=options,
            samdb_fill=FILL_FULL,
            realm=options.get("realm"),
            domain=options.get("workgroup"),
            hostname=options.get("netbios name").lower(),  # in the DNS; a PC that signs its updates writes it so
            hostip=wanted["address"],
            adminpass=wanted["password"],
            serverrole="active directory domain controller",
            dns_backend="SAMBA_INTERNAL",
            use_rfc2307=True,
            base_schema="2012_R2",
            dom_for_fun_level=dsdb.DS_DOMAIN_FUNCTION_2008_R2,
            skip_sysvolacl=False,
            **_LATER,
            backend_store="mdb",  # finds what has changed by an index, in 1 ms instead of 200 with 5,000 accounts
        )
    except ProvisioningError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
