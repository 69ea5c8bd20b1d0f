"""What ``schoolserver restore --everything`` says and asks at the terminal.

May live here: the talk, and its exit codes. May not: doing any of it (``steps``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from appliance.backup import typed
from appliance.backup.problem import BackupError
from appliance.backup.recovery_key import Facts, RecoveryKey, read_sheet
from appliance.daemon.options import SettingsError
from appliance.recovery import fresh
from appliance.recovery.key_place import key_place
from appliance.recovery.record import Folder
from appliance.recovery.steps import COMPARED, Recovery
from appliance.setup.alone import Busy, alone
from appliance.setup.places import Places
from appliance.setup.plan import Wrong
from appliance.setup.steps import Doing
from appliance.setup.system import System, SystemProblem


@dataclass(frozen=True, slots=True)
class Wanted:
    """``host``: where the backup server is, ``None``: where the sheet says; ``sheet``: its file, ``None``: it is typed.

    ``date``: a day or the name of a snapshot, ``None``: the newest.
    """

    host: str | None = None
    sheet: Path | None = None
    date: str | None = None


_COMMAND = "schoolserver restore --everything"
_UMASK = 0o022
_CODES = [f"{block}{number}" for block in "KHS" for number in range(1, 5)]


def bring_back(places: Places, system: System, wanted: Wanted, carry_out: Callable[[Doing, str], None]) -> None:
    """Make this machine the school's server as a snapshot has it. Ends the process where that cannot be.

    ``carry_out`` does setup's steps; it is told by which command they are gone on with.
    """
    with _told():
        os.umask(_UMASK)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)  # the key's folder goes, however this ends
        _only_fresh(places)
        key, facts = _sheet(wanted)
        with key_place(key, facts, wanted.host) as place, alone(places):
            recovery = Recovery(places, system, place, facts, wanted.date)
            _fetch(recovery)
            with recovery.timed("setting up and starting"):
                carry_out(Doing(places, system, recovery.plan()), _COMMAND)
            _report(recovery)


def _only_fresh(places: Places) -> None:
    """One that was cut short is gone on with, but never once people may have worked on this machine."""
    record = Folder(places.state / "recovery").read()
    going_on = record is not None and (not places.marker.exists() or COMPARED in record.seconds)
    problems = [] if going_on else fresh.problems(places)
    if problems:
        raise Wrong(problems)


def _sheet(wanted: Wanted) -> tuple[RecoveryKey, Facts]:
    if wanted.sheet is None:
        return read_sheet(_typed(wanted.host))
    with click.open_file(str(wanted.sheet), encoding="utf-8", errors="replace") as file:
        return read_sheet(file.read())


def _typed(host: str | None) -> str:
    """Ask for the sheet, line by line; a line that is mistyped is asked for again."""
    click.echo("Type what stands on the recovery sheet. Upper or lower case and blanks do not matter.")
    lines = [
        f"Host: {host or click.prompt('Host')}",
        f"Port: {click.prompt('Port', default=22, type=click.IntRange(1, 65535))}",
        f"User: {click.prompt('User')}",
    ]
    for label in _CODES:
        while True:
            words = click.prompt(label)
            try:
                typed.read(label, words)
            except BackupError as error:
                click.echo(error.text, err=True)
            else:
                lines.append(f"{label} {words}")
                break
    return "\n".join(lines)


def _fetch(recovery: Recovery) -> None:
    for step in recovery.steps():
        with _shown(step.text) as recovery.progress:
            step.act()
        seconds = recovery.record.seconds.get(step.text)
        click.echo(f"Snapshot {recovery.record.snapshot}" if seconds is None else f"{step.text}: {seconds:.1f} s")
    for note in recovery.notes:
        click.echo(f"Note: {note}.")
    if recovery.record.differing:
        click.echo(
            f"{recovery.record.differing} of {recovery.record.files} files are not as the school's server signed them."
            f" Which ones and how stands in {recovery.folder.differences}, for root alone.",
            err=True,
        )


@contextlib.contextmanager
def _shown(text: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how far it is."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=100)
        yield lambda percent: bar.update(task, completed=percent)


def _report(recovery: Recovery) -> None:
    record = recovery.record
    recovery.folder.finish()
    click.echo(f"\nThe school is as it was on {record.snapshot}. It took {_minutes(sum(record.seconds.values()))}:")
    for text, seconds in record.seconds.items():
        click.echo(f"  {seconds:8.1f} s  {text}")
    school = record.school.removeprefix("schoolbackup-")
    for line in (
        f"{record.files} files, {record.size / 1e6:,.1f} MB.",
        "What to do next:",
        "No backup is made until this machine has a key of its own: whoever has the lost one's disk may have its key.",
        f"On the backup server: schoolserver-backup-server pair --again {school}; here: schoolserver backup pair.",
        "Print the new recovery sheet; keep the old one a month longer: it alone opens the dumps made until today.",
        "The web filter's lists are fetched again, which begins by itself: schoolserver web lists.",
        "If this machine's address is another one, your DNS, DHCP and router have to learn it.",
        "Every morning: schoolserver status.",
    ):
        click.echo(line)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what went wrong into words and exit codes; what was fetched stays, and is gone on with."""
    again = f"Run {_COMMAND} again: it goes on from there."
    try:
        yield
    except Wrong as wrong:
        _refuse(wrong.problems)
    except SettingsError as error:
        _refuse([str(one) for one in error.problems])
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"\nInterrupted. {again}", err=True)
        raise SystemExit(130) from None
    except BackupError as error:
        raise click.ClickException(f"{error.text}.\n{again}") from error
    except (Busy, SystemProblem) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}.\n{again}") from error


def _refuse(problems: list[str] | tuple[str, ...]) -> None:
    for problem in problems:
        click.echo(problem, err=True)
    click.echo("Nothing of the school is running. When that is mended, run it again: it goes on from there.", err=True)
    raise SystemExit(2)
