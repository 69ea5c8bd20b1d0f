"""Entry of the IMAP engine: ``/usr/bin/python3 -m appliance.mail.imap --settings DIR`` renders and becomes Dovecot.

Exit 2 on wrong settings or when Dovecot's own checker refuses the file; then the former file stays.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from appliance.daemon.arguments import settings_parser
from appliance.daemon.engine import EngineRefused, swap
from appliance.daemon.listeners import missing
from appliance.daemon.options import SettingsError
from appliance.daemon.whole_file import write_whole
from appliance.mail.imap.engine import HOST_NAME, Engine, Unusable, engine_for
from appliance.mail.imap.journal import stand_between
from appliance.mail.imap.left_locks import remove_left_locks
from appliance.mail.imap.mailboxes import bound_mailboxes, watch_mailboxes
from appliance.mail.imap.render import configuration, language_of, lua_script
from appliance.settings.load import load

_DOVECOT = "/usr/sbin/dovecot"
_COUNTS_NO_MAILBOXES = "2.3"
_KERBEROS = b"""\
# Made by schoolserver; changes are lost.
[plugins]
  localauth = {
    disable = k5login
  }
"""
_HOOK = Path(__file__).resolve().parents[2] / "auth" / "dovecot" / "auth.lua"


def prepare(engine: Engine) -> Path:
    """Write Dovecot's files, have them checked, and give the path of ``dovecot.conf``.

    Raise ``EngineRefused`` (the former file stays), :class:`Unusable` or ``OSError``.
    """
    language = _language()
    script = lua_script(engine, language, _HOOK.read_text(encoding="utf-8"))
    write_whole(engine.script, script.encode(), 0o644)
    scratch = engine.mail / ".tmp"
    scratch.mkdir(mode=0o700, exist_ok=True)
    os.chown(scratch, engine.uid, engine.gid)
    if language == _COUNTS_NO_MAILBOXES:
        bound_mailboxes(engine)
    if engine.tickets is not None:
        _take_tickets(engine)
    path = engine.state / "dovecot.conf"
    swap(path, configuration(engine, language), lambda new: ["doveconf", "-n", "-c", str(new)])
    return path


def _language() -> str:
    return language_of(subprocess.run([_DOVECOT, "--version"], capture_output=True, text=True, check=True).stdout)


def _take_tickets(engine: Engine) -> None:
    """Bring in place what Kerberos needs beside the keytab; what it remembers is written by whoever has the keytab."""
    write_whole(engine.kerberos, _KERBEROS, 0o644)
    keytab = (engine.tickets or engine.replays).stat()
    with engine.replays.open("ab"):
        os.chown(engine.replays, keytab.st_uid, keytab.st_gid)
        engine.replays.chmod(0o600)


def main() -> int:
    """Render, check, and become ``dovecot -F`` with the sockets that were handed in."""
    parser = settings_parser("Renders Dovecot's configuration, checks it and becomes Dovecot.")
    folder: Path = parser.parse_args().settings
    imaps = "imaps" in os.environ.get("LISTEN_FDNAMES", "").split(":")
    if not imaps:
        print(f"schoolserver imap: {missing('imaps', 'imap')}", file=sys.stderr)
    try:
        engine = engine_for(load(folder.absolute()), imaps)
        path = prepare(engine)
    except SettingsError as error:
        print(f"schoolserver imap: wrong settings\n{error}", file=sys.stderr)
        return 2
    except (EngineRefused, Unusable) as error:
        print(f"schoolserver imap: {error}", file=sys.stderr)
        return 2
    remove_left_locks(engine.mail)
    os.environ["DOVECOT_HOSTNAME"] = HOST_NAME  # the rendered file says it only to what Dovecot starts after a reload
    stand_between()
    if _language() == _COUNTS_NO_MAILBOXES:
        watch_mailboxes(engine)
    return os.execv(_DOVECOT, [_DOVECOT, "-F", "-c", str(path)])  # noqa: S606 - a fixed program needs no shell


if __name__ == "__main__":
    sys.exit(main())
