"""``/usr/bin/python3 -m appliance.mail.imap.reload --settings DIR``: what ``systemctl reload schoolserver-imap`` runs.

Renders Dovecot's files anew, has them checked and lets the running Dovecot read them, with its certificate; sessions
live on. Exit 0, or 1 with the reason on standard error: then Dovecot goes on with its former files. Dovecot itself
tells systemd when it is through; until then the reload is under way, as we tell before we ask.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from appliance.daemon.arguments import settings_parser
from appliance.daemon.engine import EngineRefused, roll_back
from appliance.daemon.notify import Notifier
from appliance.daemon.options import SettingsError
from appliance.daemon.options_network import Address
from appliance.mail.imap.__main__ import prepare
from appliance.mail.imap.engine import Engine, Unusable, engine_for
from appliance.settings.load import load

_DOVEADM = "/usr/bin/doveadm"
_PATIENCE = 10.0
_OFF = "inet_listener imaps {\n    port = 0\n"


def reload(engine: Engine, notifier: Notifier) -> None:
    """Render, check, and tell Dovecot, which tells systemd when it is ready again.

    Raises ``EngineRefused``, :class:`Unusable` or ``OSError``: then nothing has changed.
    """
    path = engine.state / "dovecot.conf"
    former = path.read_text(encoding="utf-8")
    if _OFF in former:  # it was started without that socket, and gets it only when it is started again
        engine = replace(engine, imaps=None)
    for name, address in (("imap", engine.imap), ("imaps", engine.imaps)):
        if address is not None and not _listens(former, name, address):
            raise Unusable(
                f"network.yaml: listen.{name}: another address needs a new socket: "
                "schoolserver setup && systemctl restart schoolserver.target"
            )
    prepare(engine)
    changed = path.read_text(encoding="utf-8") != former
    notifier.reloading()
    done = subprocess.run(
        [_DOVEADM, "-c", str(path), "reload"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        if changed:
            roll_back(path)
        notifier.ready("it goes on with its former files")
        raise EngineRefused(f"Dovecot cannot be told to read its file (exit code {done.returncode})", "")


def _listens(text: str, name: str, address: Address) -> bool:
    """Whether the file says so; its languages differ in their word for an address."""
    wanted = rf"inet_listener {name} {{\s+\w+ = {re.escape(address.host)}\s+port = {address.port}\s"
    return re.search(wanted, text) is not None


def main(argv: list[str] | None = None) -> int:
    """Reload as the settings say."""
    parser = settings_parser("Lets Dovecot go by the settings.", "schoolserver-imap-reload")
    folder: Path = parser.parse_args(argv).settings
    try:
        reload(engine_for(load(folder.absolute())), Notifier.taken_from(os.environ))
    except SettingsError as error:
        print(f"schoolserver imap: wrong settings\n{error}", file=sys.stderr)
    except (EngineRefused, Unusable) as error:
        print(f"schoolserver imap: {error}", file=sys.stderr)
    except (OSError, subprocess.SubprocessError) as error:
        cause = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        print(f"schoolserver imap: {cause}", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
