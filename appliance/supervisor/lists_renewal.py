"""The renewal of the web filter's lists, asked for here and done elsewhere.

Where systemd starts the units it is done by one of them: a connection to its socket starts it and, when it is closed,
ends it. Else it is done by a child. May live here: reaching it, following it. May not: what it does
(``appliance.filter``).
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import appliance

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_log = logging.getLogger(__name__)
_LINE = 1 << 20
_LONGEST = 7200.0
_PYTHON = "/usr/bin/python3"
_SOURCE = Path(appliance.__file__).resolve().parent.parent

Progress = Callable[[int, int, str], None]


class NotRenewed(Exception):
    """The lists were not renewed; ``kind`` is for programs, ``text`` tells the carer why."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def renew(settings: Settings, progress: Progress, *, ask: bool = True, smaller: bool = False) -> dict[str, Any]:
    """Renew the lists; blocks until it is done, and gives how many there are, have problems and entries.

    ``ask``, ``smaller`` as in ``filter.update``. Raises :class:`NotRenewed`.
    """
    try:
        with _reached(settings) as (answers, questions):
            questions.write(json.dumps({"ask": ask, "smaller": smaller}).encode() + b"\n")
            questions.flush()
            for line in iter(lambda: answers.readline(_LINE), b""):
                said: Mapping[str, Any] = json.loads(line)
                if "progress" in said:
                    progress(*said["progress"])
                elif "error" in said:
                    raise NotRenewed(said["error"]["kind"], said["error"]["text"])
                else:
                    return dict(said["result"])
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRenewed("not-set-up", "lists are not renewed here; install schoolserver-proxy") from None
    except (OSError, ValueError) as error:
        _log.error("the renewal of the lists could not be followed: %s", type(error).__name__)
    raise NotRenewed("internal", "the renewal ended without an answer; the journal says where")


def compile_soon(settings: Settings) -> None:
    """Make an index by changed settings, without asking for lists that are there; nobody waits for it."""

    def run() -> None:
        try:
            renew(settings, lambda *_said: None, ask=False)
        except NotRenewed as problem:
            _log.error("the changed settings of lists are not in force yet: %s", problem.kind)

    threading.Thread(target=run, name="lists", daemon=True).start()


def _reached(settings: Settings) -> AbstractContextManager[tuple[IO[bytes], IO[bytes]]]:
    if settings.server.launcher == "systemd":
        return _unit(settings.server.runtime / "lists" / "lists.sock")
    return _child(settings.folder)


@contextlib.contextmanager
def _unit(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_LONGEST)
        connection.connect(str(path))
        with connection.makefile("rb") as answers, connection.makefile("wb") as questions:
            yield answers, questions


@contextlib.contextmanager
def _child(folder: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    argv = (_PYTHON, "-P", "-m", "appliance.filter", "serve", "--settings", str(folder))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(_SOURCE)}
    if sys.dont_write_bytecode:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, cwd="/", env=environment) as process:
        assert process.stdin is not None  # noqa: S101 - they were asked for
        assert process.stdout is not None  # noqa: S101
        yield process.stdout, process.stdin
