"""The directory's process: prepares the embedded slapd and becomes it.

Started as root with ``--prepare-only`` it makes what only root can give away (the service accounts' password files);
started again as its own user it finds everything in place and becomes slapd, in the foreground, on its local socket
alone. With ``--bring-back`` a recovery makes the database of slapcat's export.
Exit 2 on wrong settings, 1 when it cannot start.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from appliance.daemon.arguments import settings_parser
from appliance.daemon.identities import Identities
from appliance.directory.engine_tools import CannotPrepare
from appliance.directory.slapd.embedded import SERVICES, Embedded, embedded
from appliance.directory.slapd.prepare import Preparation
from appliance.directory.slapd.tools import Tools, sole_use
from appliance.settings.program import run

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_SLAPD = "/usr/sbin/slapd"
_FILES = 4096  # slapd reserves memory for each file it might open


def main(argv: Sequence[str]) -> int:
    """Prepare and, unless told to stop there, become slapd; return the exit code when that fails."""
    parser = settings_parser("The school's own directory of accounts and groups (slapd).", "schoolserver-directory")
    parser.add_argument("--prepare-only", action="store_true", help="make everything ready for a start, and end")
    parser.add_argument("--bring-back", type=Path, metavar="LDIF", help="make the database of an export, and end")
    options = parser.parse_args(argv)
    failures = (CannotPrepare, LookupError, OSError, ValueError)
    return run(
        "directory",
        options.settings,
        lambda settings: start(settings, options.prepare_only, options.bring_back),
        failures,
    )


def start(settings: Settings, prepare_only: bool, export: Path | None = None) -> None:
    """Prepare the folders of these settings and become slapd; return only after ``prepare_only``.

    With an ``export`` (LDIF) return too, the database being made of it where there was none.
    """
    server, identities = embedded(settings), Identities(settings.server)
    own = identities.of("directory")
    for folder in (server.folder, server.socket.parent):
        if not folder.exists():
            folder.mkdir(mode=0o750 if folder == server.socket.parent else 0o700, parents=True)
            if os.geteuid() == 0:
                os.chown(folder, own.uid, identities.group("services") if folder == server.socket.parent else own.gid)
    with sole_use(server.folder) as lock:
        owners = {name: identities.of(name) for name in SERVICES}
        preparation = Preparation(server, own, owners, Tools(server.folder, own, lock))
        if export is not None:
            preparation.bring_back(export.read_text(encoding="utf-8"))
            return
        preparation.run()
        if prepare_only:
            return
        if os.geteuid() == 0 and own.uid != 0:
            os.setgroups(own.groups)
            os.setresgid(own.gid, own.gid, own.gid)
            os.setresuid(own.uid, own.uid, own.uid)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, _FILES), hard))
        os.set_inheritable(lock, True)
        os.execv(_SLAPD, slapd_argv(server))  # noqa: S606 - the argv is our own


def slapd_argv(server: Embedded) -> tuple[str, ...]:
    """Return the command line of slapd in the foreground; every user of its folder may connect to its socket."""
    return (_SLAPD, "-f", str(server.config), "-h", f"ldapi://{quote(str(server.socket), safe='')}", "-d", "0")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
