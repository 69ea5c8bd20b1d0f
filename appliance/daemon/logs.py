"""Where log lines go: to the journal with its fields when systemd reads us, else one line each on standard error.

The journal carries no logins, addresses, hosts or file names (K16): our own modules log ids and counts only; what a
library logs is reduced to the fact and the place; of an error the kinds and places of the whole chain of causes are
written, not the texts, which may quote anything - but for those made to be told, :class:`Told`.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from pathlib import Path

OURS = "appliance."
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class Told(Exception):
    """An error whose text is written for the carer and the journal: settings, parts and their files, nobody's data."""


def set_up(part: str, level: int = logging.INFO) -> None:
    """Send all log lines of this process, from ``level`` on, where they belong; ``part`` is the daemon's name."""
    handler = _JournalHandler(part) if _journal_reads() else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(part, with_level=not isinstance(handler, _JournalHandler)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS.rstrip(".")).setLevel(level)
    logging.captureWarnings(True)
    # Asked for with each line, written in none.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def describe(error: BaseException) -> str:
    """Return kinds and places of ``error`` and its causes: ``KeyError at store:31 in read``; texts of :class:`Told`."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        parts.append(_kind(cause) + _place(cause))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return ", because of ".join(parts)


def _kind(error: BaseException) -> str:
    name = type(error).__name__
    number = error.errno if isinstance(error, OSError) else None
    if number is not None:
        name += f" {errno.errorcode.get(number, number)}"
    if isinstance(error, Told):
        name += f" ({error})"
    if isinstance(error, BaseExceptionGroup):
        name += f" of {len(error.exceptions)}: " + "; ".join(describe(one) for one in error.exceptions)
    return name


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"/{OURS.rstrip('.')}/" in frame.filename]
    chosen = ours[-1:] + [frame for frame in frames[-1:] if frame not in ours[-1:]]
    return "".join(f" at {Path(frame.filename).stem}:{frame.lineno} in {frame.name}" for frame in chosen)


class _Formatter(logging.Formatter):
    def __init__(self, part: str, with_level: bool) -> None:
        super().__init__()
        self._part = part
        self._with_level = with_level

    def format(self, record: logging.LogRecord) -> str:
        if record.name.startswith(OURS):
            text = record.getMessage()
        else:
            text = f"{record.name} reports something at {record.module}:{record.lineno}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {describe(record.exc_info[1])}"
        text = text.replace("\n", " | ")
        return f"{record.levelname.lower()} {self._part}: {text}" if self._with_level else text


class _JournalHandler(logging.Handler):
    """As systemd's own handler, but without the fields in which that one repeats arguments and error texts."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._identifier = f"schoolserver-{part}"

    def emit(self, record: logging.LogRecord) -> None:
        from systemd import journal

        try:
            journal.send(
                self.format(record),
                PRIORITY=next((value for level, value in _PRIORITIES if record.levelno >= level), 7),
                SYSLOG_IDENTIFIER=self._identifier,
                LOGGER=record.name,
                CODE_FILE=Path(record.pathname).name,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
            )
        except OSError:
            self.handleError(record)


def _journal_reads() -> bool:
    """Tell whether standard error is the very stream that JOURNAL_STREAM names (device:inode)."""
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
