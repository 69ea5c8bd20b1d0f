"""The domain's process: prepares the Samba domain and becomes it, as root, in the foreground.

With ``--bring-back`` a recovery makes the databases of Samba's own export.
Exit 2 on wrong settings, 1 when it cannot start.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.daemon.arguments import settings_parser
from appliance.daemon.forwarders import forwarders
from appliance.daemon.identities import Identities
from appliance.daemon.own_addresses import own_addresses
from appliance.directory.domain.place import SERVICES, Domain, domain_of
from appliance.directory.domain.ports import refuse_taken
from appliance.directory.domain.prepare import Preparation
from appliance.directory.domain.tools import sole_use
from appliance.directory.engine_tools import CannotPrepare
from appliance.settings.program import run

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_SAMBA = "/usr/sbin/samba"


def main(argv: Sequence[str]) -> int:
    """Prepare and, unless told to stop there, become Samba; return the exit code when that fails."""
    parser = settings_parser("The school's own directory as a domain that PCs join (Samba).", "schoolserver-domain")
    parser.add_argument("--prepare-only", action="store_true", help="make everything ready for a start, and end")
    parser.add_argument("--bring-back", type=Path, metavar="ARCHIVE", help="make the databases of an export, and end")
    options = parser.parse_args(argv)
    failures = (CannotPrepare, LookupError, OSError)
    return run(
        "domain", options.settings, lambda settings: start(settings, options.prepare_only, options.bring_back), failures
    )


def start(settings: Settings, prepare_only: bool, export: Path | None = None) -> None:
    """Prepare the folders of these settings and become Samba; return only after ``prepare_only``.

    With an ``export`` (of ``samba-tool domain backup offline``) return too, the databases being made of it where there
    were none.
    """
    if os.geteuid() != 0:
        raise CannotPrepare("only root can run a domain controller")
    domain, identities = domain_of(settings), Identities(settings.server)
    domain.folder.mkdir(mode=0o711, parents=True, exist_ok=True)  # a pupil's smbd passes through it to sysvol
    domain.runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
    with sole_use(domain.folder) as lock:
        owners = {name: identities.of(name) for name in SERVICES}
        found = own_addresses(settings.network.networks, settings.domain.interfaces)
        address = next((str(one) for one in found if one.version == 4), "127.0.0.1")
        preparation = Preparation(domain, owners, address, forwarders(domain.forwarders), lock)
        if export is not None:
            preparation.bring_back(export)
            return
        preparation.run()
        if prepare_only:
            return
        refuse_taken(domain)
        os.set_inheritable(lock, True)
        os.execv(_SAMBA, samba_argv(domain))  # noqa: S606 - the argv is our own


def samba_argv(domain: Domain) -> tuple[str, ...]:
    """Return the command line of Samba in the foreground, which says on standard output what it has to say."""
    return (_SAMBA, "--foreground", "--no-process-group", "--debug-stdout", f"--configfile={domain.config}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
