"""Swapping in a rendered file of an engine: candidate, the engine's own checker, rename, and back if it fails.

May live here: the file and its checker. May not: what is in it (``render`` modules), or how an engine is
told to read it. Everything blocks: from a loop, call it in a thread.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.daemon.logs import Told
from appliance.daemon.whole_file import Owner, sync_folder, write_candidate

_CHECK_TIME = 60.0  # seconds


class EngineRefused(Told):
    """The engine's checker did not accept a file; ``output`` is what it said. The file in use is untouched."""

    def __init__(self, text: str, output: str) -> None:
        super().__init__(f"{text}: {output}" if output else text)
        self.output = output


def swap(
    path: Path,
    text: str,
    validate: Callable[[Path], Sequence[str]],
    mode: int = 0o640,
    owner: Owner | None = None,
) -> bool:
    """Make ``text`` the content of ``path`` (``mode``, ``owner`` uid and gid) if the checker accepts it; tell whether.

    ``validate(candidate)`` gives the argv of the checker, exit code 0 meaning yes. False: it was the content already.
    The content before is kept for :func:`roll_back`. Raise :class:`EngineRefused`, or OSError when the disk will not.
    """
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return False
    candidate = write_candidate(path, data, mode, owner)
    try:
        _check(validate(candidate))
        _keep(path)
        candidate.rename(path)
    finally:
        candidate.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def roll_back(path: Path) -> None:
    """Undo the last :func:`swap`: the content before comes back; a file that was new goes."""
    previous = _previous(path)
    if previous.exists():
        previous.rename(path)
    else:
        path.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f".{path.name}.previous")


def _keep(path: Path) -> None:
    """Keep the file in use under a second name; the rename that follows parts the two."""
    previous = _previous(path)
    previous.unlink(missing_ok=True)
    if path.exists():
        previous.hardlink_to(path)


def _check(argv: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CHECK_TIME, check=False, errors="replace"
        )
    except FileNotFoundError as error:
        raise EngineRefused(f"the checker {argv[0]} is not installed", "") from error
    except subprocess.TimeoutExpired as error:
        raise EngineRefused(f"the checker {argv[0]} did not end within {_CHECK_TIME:g} s", "") from error
    if done.returncode != 0:
        output = (done.stderr.strip() + "\n" + done.stdout.strip()).strip()
        raise EngineRefused(f"{argv[0]} does not accept the new file (exit code {done.returncode})", output[:4000])
