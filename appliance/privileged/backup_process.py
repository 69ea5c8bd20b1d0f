"""Where an action of the copy runs: in a child of ours, or, where systemd starts the units, in a unit of its own.

That unit reaches the network, which this process does not; a connection to its socket starts it and, when it is closed,
ends it. May live here: reaching either. May not: what is said to it (``backups``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import appliance

LINE = 1024 * 1024
"""Bytes that one line may have."""

_END = 5.0
_PYTHON = "/usr/bin/python3"
_SOURCE = Path(appliance.__file__).resolve().parent.parent

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class NoBackup(Exception):
    """There is nobody to make copies here; the text tells the carer why."""


def reached(folder: Path, unit: Path | None) -> AbstractAsyncContextManager[Streams]:
    """Give what reads from and writes to an action for the settings in ``folder``, at the socket ``unit`` if given.

    Leaving the ``with`` ends it. Raises :class:`NoBackup` or ``OSError``.
    """
    return _child(folder) if unit is None else _unit(unit)


@asynccontextmanager
async def _unit(path: Path) -> AsyncIterator[Streams]:
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoBackup("no copies are made here; install schoolserver-backup, or start schoolserver.target") from None
    try:
        yield reader, writer
    finally:
        with contextlib.suppress(OSError, TimeoutError):
            writer.write_eof()
            await asyncio.wait_for(reader.read(), _END)  # it has ended when there is nothing more
        writer.close()


@asynccontextmanager
async def _child(folder: Path) -> AsyncIterator[Streams]:
    process = await asyncio.create_subprocess_exec(
        *(_PYTHON, "-P", "-m", "appliance.backup", "serve", "--with-parent", "--settings", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE,
        cwd="/",
        env=_environment(),
    )
    assert process.stdin is not None  # noqa: S101 - they were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        yield process.stdout, process.stdin
        await process.wait()
    finally:
        process.stdin.close()
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Let the process end: asked, and then made to."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END)
    except TimeoutError:
        process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    kept = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(_SOURCE)}
    if sys.dont_write_bytecode:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
    stream = os.environ.get("JOURNAL_STREAM")
    return {**kept, "JOURNAL_STREAM": stream} if stream else kept
