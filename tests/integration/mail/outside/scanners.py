"""Real scanners of one's own: clamd with a signature of ours, and a mail filter on Debian's libmilter (pymilter).

May live here: starting and ending them. May not: what is tested.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from appliance.daemon.scanner import connect
from tests.integration.demo.waiting import eventually
from tests.integration.support_place import ROOT

HARMFUL = b"this-is-what-our-own-signature-finds"

_CLAMD = """\
Foreground yes
DatabaseDirectory {folder}/signatures
LocalSocket {folder}/clamd.sock
LocalSocketMode 666
StreamMaxLength 1M
PidFile {folder}/clamd.pid
LogFile {folder}/clamd.log
User {user}
"""


@contextlib.contextmanager
def running_clamd(folder: Path, user: str) -> Iterator[Path]:
    """Run clamd, which finds :data:`HARMFUL`; gives its socket."""
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "own.ndb").write_text(f"Own.Test:0:*:{HARMFUL.hex()}\n")
    (folder / "clamd.conf").write_text(_CLAMD.format(folder=folder, user=user))
    with _running(["/usr/sbin/clamd", "--config-file", str(folder / "clamd.conf")], folder):
        path = folder / "clamd.sock"
        eventually(lambda: _answers(path))
        yield path


@contextlib.contextmanager
def running_filter(folder: Path, without: str = "") -> Iterator[Path]:
    """Run a mail filter that says what the subject of a message says; gives its socket and keeps a record.

    ``without`` are the steps that it asks not to hear of.
    """
    path = folder / "filter.sock"
    program = ROOT / "tests" / "integration" / "mail" / "outside" / "filter.py"
    with _running(["/usr/bin/python3", str(program), str(path), str(folder / "heard"), without], folder):
        eventually(lambda: _answers(path))
        yield path


@contextlib.contextmanager
def _running(argv: list[str], folder: Path) -> Iterator[None]:
    with (folder / "out").open("ab") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.kill()  # libmilter takes five seconds to hear of anything else
        process.wait(20)


def missing() -> str:
    """What is not installed of what is needed here; empty when all is."""
    return "" if shutil.which("clamd", path="/usr/sbin") and find_spec("Milter") else "clamav-daemon or python3-milter"


def _answers(path: Path) -> bool:
    with connect(path, 5):
        path.chmod(0o666)
        return True
