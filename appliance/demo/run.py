"""The demo from start to end: prepare, launch, seed, prove, print, wait, clean up.

The launcher is a process of its own: it plays systemd's part, and ends with everything it started when this one dies.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from smtplib import SMTPException
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from appliance.daemon.options import SettingsError
from appliance.demo import sshd
from appliance.demo.accounts import DemoAccount, SeedError, seed
from appliance.demo.origin import origin
from appliance.demo.place import PORTS, ClosedFolder, Place, default_state, prepare
from appliance.demo.proof import Proof, School, password_is_right, prove
from appliance.demo.proof_web import BLOCKED
from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable

_UP_WITHIN = 90.0
"""Seconds until every part must have started; usually two or three."""
_LOOK_EVERY = 0.1


class DemoFailed(Exception):
    """The demo cannot go on; the text says why and what to do."""


class Stop:
    """Set by SIGINT or SIGTERM; every wait of the demo ends with it."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.interrupts = True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        first, self.interrupts = self.interrupts and not self.event.is_set(), False
        self.event.set()
        if first:
            raise Interrupted


def run(state: Path | None, roster: Path, ready_file: Path | None, console: Console) -> int:
    """Run the demo in the foreground below ``state`` (``None``: the usual place) until SIGINT or SIGTERM.

    Gives the exit code. ``ready_file`` receives what scripts need (ARCHITECTURE.md) when all is up; it goes at the end.
    """
    state = (state or default_state()).resolve()
    stop = Stop()
    began = time.monotonic()
    place = None
    try:
        place = prepare(state)
        client = ControlClient(place.settings.server.runtime / "control" / "control.sock")
        _refuse_a_second(client, state)
        copies = sshd.second_place(state, place.settings, place.program)
        with _sites(place, state.resolve()), copies, _launched(place, console) as launcher:
            _wait_until_well(client, launcher, stop, state)
            with _bar(console) as progress:
                right = functools.partial(password_is_right, place.settings, place.ca)
                accounts = seed(client, roster, state / "accounts.json", right, progress)
            school = _school(place, client, accounts)
            passed = _print_proofs(school, console)
            _wait_until_well(client, launcher, stop, state)
            if ready_file is not None:
                _write_ready(ready_file, place, accounts)
            console.print(
                f"\nUp after {time.monotonic() - began:.1f} s. {'' if passed else 'NOT every proof passed. '}"
            )
            _print_commands(place, school, console)
            stop.interrupts = False
            _wait_for_end(launcher, stop)
            return 0 if passed else 1
    except Interrupted:
        return 130
    except (
        DemoFailed,
        ClosedFolder,
        SeedError,
        SMTPException,
        ServerRefused,
        ServerUnreachable,
        SettingsError,
        OSError,
    ) as error:
        console.print("The demo cannot run:", style="red")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    finally:
        stop.interrupts = False
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        if place is not None and place.runtime is not None:
            shutil.rmtree(place.runtime, ignore_errors=True)


class Interrupted(Exception):
    """SIGINT or SIGTERM came while something was still being done."""


@contextlib.contextmanager
def _sites(place: Place, state: Path) -> Iterator[None]:
    """The demo's own site, HTTP and HTTPS."""
    plain, secure = place.settings.proxy.exceptions[:2]
    with origin(plain.port), origin(secure.port, state / "site"):
        yield


@contextlib.contextmanager
def _launched(place: Place, console: Console) -> Iterator[subprocess.Popen[bytes]]:
    """The launcher as a process of its own session, so that Ctrl-C reaches it through us and in order."""
    for note in place.notes:
        console.print(f"Note: {note}.", markup=False, highlight=False, soft_wrap=True)
    program = [sys.executable, "-m", "appliance.supervisor.launcher", "--with-parent"]
    argv = [*program, "--settings", str(place.settings.folder)]
    environment = {**os.environ, "PYTHONPATH": str(place.program), "PYTHONDONTWRITEBYTECODE": "1"}
    launcher = subprocess.Popen(argv, cwd="/", env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield launcher
    finally:
        if launcher.poll() is None:
            launcher.terminate()
        launcher.wait()


def _refuse_a_second(client: ControlClient, state: Path) -> None:
    try:
        client.call("status", {})
    except (ServerUnreachable, ServerRefused):
        return
    raise DemoFailed(f"a demo runs already in {state}; end that one, or choose another folder with --state")


def _wait_until_well(client: ControlClient, launcher: subprocess.Popen[bytes], stop: Stop, state: Path) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while trouble := _trouble(client):
        if stop.event.wait(_LOOK_EVERY):
            raise Interrupted
        if launcher.poll() is not None:
            raise DemoFailed("the launcher ended; what it said stands above")
        if time.monotonic() > deadline:
            logs = state / "lib" / "log"
            raise DemoFailed(f"not everything is up after {_UP_WITHIN:g} s: {trouble}; see the logs in {logs}")


def _trouble(client: ControlClient) -> str:
    """What the server says is not well; nothing when all is."""
    try:
        answer = client.call("status", {})
    except (ServerUnreachable, ServerRefused) as error:
        return f"no answer yet: {error}"
    return "" if answer["healthy"] else str(answer["summary"])


@contextlib.contextmanager
def _bar(console: Console) -> Iterator[Callable[[int, int, str], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Seeding", total=None)
        yield lambda done, total, text: progress.update(
            task, completed=done, total=total, description=f"Seeding: {text}"
        )


def _school(place: Place, client: ControlClient, accounts: Sequence[DemoAccount]) -> School:
    """Who proves it: the first pupil and the first teacher who may use mail, Fred Mustermann before others."""

    def first(role: str) -> DemoAccount:
        for account in sorted(accounts, key=lambda one: one.login != "fred.mustermann"):
            asked = {"login": account.login, "service": "mail"}
            if account.role == role and client.call("explain", asked)["answer"] == "allow":
                return account
        raise DemoFailed(f"no {role} may use mail; unlock or reset one, or start with another --state")

    return School(place.settings, client, first("pupil"), first("teacher"), place.ca)


def _print_proofs(school: School, console: Console) -> bool:
    table = Table("Proof", "Result", "Seconds", "What happened", title="The demo school proves itself")
    results: list[Proof] = []
    for proof in prove(school):
        results.append(proof)
        result = "[green]passed[/]" if proof.passed else "[red]FAILED[/]"
        table.add_row(proof.name, result, f"{proof.seconds:.2f}", escape(proof.detail))
    console.print(table)
    return all(proof.passed for proof in results)


def _write_ready(path: Path, place: Place, accounts: Sequence[DemoAccount]) -> None:
    listen = place.settings.network.listen
    contract = {
        "domain": place.settings.school.domain,
        "services": {name: [str(listen[name].host), listen[name].port] for name in PORTS},
        "control": str(place.settings.server.runtime / "control" / "control.sock"),
        "ca": str(place.ca),
        "data": str(place.settings.server.data),
        "accounts": [
            {"login": one.login, "password": one.password, "role": one.role, "groups": list(one.groups)}
            for one in accounts
        ],
    }
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        json.dump(contract, target, ensure_ascii=False, indent=1)
    draft.rename(path)


def _print_commands(place: Place, school: School, console: Console) -> None:
    listen = place.settings.network.listen
    control = place.settings.server.runtime / "control" / "control.sock"
    pupil, teacher = school.pupil, school.teacher
    submission, imap, proxy = listen["submission"], listen["imap"], listen["proxy"]
    soon = datetime.now(place.settings.school.zone) + timedelta(hours=1)
    lines = [
        "In another terminal, in this folder:",
        f"  export SCHOOLSERVER_CONTROL={control}",
        "  /usr/bin/python3 -m appliance status",
        f"  /usr/bin/python3 -m appliance check --settings {place.settings.folder}",
        "  /usr/bin/python3 -m appliance users list --group klasse3a",
        f"  /usr/bin/python3 -m appliance explain {pupil.login} web https://example.org/"
        " --at '2026-11-23 09:30' --room 12",
        "",
        f"A mail from {pupil.login} to {teacher.login}:",
        f"  swaks --server {submission.host}:{submission.port} --tls --tls-verify --tls-ca-path {place.ca}"
        f" --auth-user {pupil.login} --auth-password '{pupil.password}'"
        f" --from {school.address(pupil.login)} --to {school.address(teacher.login)} --body Hallo",
        "and read over IMAP:",
        f"  curl --silent --ssl-reqd --cacert {place.ca} --user '{teacher.login}:{teacher.password}'"
        f" 'imap://{imap.host}:{imap.port}/INBOX;MAILINDEX=1'",
        "",
        f"A site that is closed to {pupil.login}, and why; then the web closed in a room for a lesson:",
        f"  curl --silent --proxy http://{proxy.host}:{proxy.port} --proxy-user '{pupil.login}:{pupil.password}'"
        f" http://{BLOCKED}/",
        f"  /usr/bin/python3 -m appliance explain {pupil.login} web {BLOCKED}",
        f"  /usr/bin/python3 -m appliance web block-room 12 --until '{soon:%Y-%m-%d %H:%M}'",
        f"  /usr/bin/python3 -m appliance explain {pupil.login} web https://example.org/ --room 12",
        "  /usr/bin/python3 -m appliance web end 12",
        "",
        "Lock the pupil, and see the same mail refused; then unlock:",
        f"  /usr/bin/python3 -m appliance users lock {pupil.login} --reason 'trying it out'",
        f"  /usr/bin/python3 -m appliance users unlock {pupil.login}",
        "",
        f"All passwords are in {place.settings.folder.parent / 'accounts.json'}. Ctrl-C ends the demo.",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _wait_for_end(launcher: subprocess.Popen[bytes], stop: Stop) -> None:
    while not stop.event.wait(1.0):
        if launcher.poll() is not None:
            raise DemoFailed("the launcher ended by itself; what it said stands above")
