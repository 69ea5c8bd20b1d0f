"""What ``schoolserver setup`` says and asks at the terminal. What is decided and done is ``appliance.setup``."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from appliance.cli.status import show
from appliance.daemon.authority import AuthorityError
from appliance.daemon.options import SettingsError
from appliance.settings.load import load
from appliance.setup import talk
from appliance.setup.alone import Busy, alone
from appliance.setup.install import install as install_pair
from appliance.setup.own_pair import PairProblem
from appliance.setup.places import Places
from appliance.setup.plan import Wrong, found_answers
from appliance.setup.prepare import Plan, prepare
from appliance.setup.proposals import proposals
from appliance.setup.questions import QUESTIONS, Answer, Answers, Question, default, example, read_answers
from appliance.setup.steps import Doing, space
from appliance.setup.survey import fitting_here, last_answers, settings_texts
from appliance.setup.system import System, Systemd, SystemProblem
from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable

_UP_WITHIN = 120.0
"""Seconds until the server must answer and its probes have been round; usually ten."""
_LATER = frozenset({"backup", "web lists"})
"""What is BAD on a new server until the copy is allowed at the second place, and lists are fetched."""
_LOOK_EVERY = 0.5
_UMASK = 0o022
"""The parts have to read settings and the authority's certificate, however careful the carer's shell is."""


def machine() -> tuple[Places, System]:
    """The machine that is set up; only root can."""
    if os.geteuid() != 0:
        raise click.ClickException("setup has to be run as root: sudo schoolserver setup")
    return Places(), Systemd()


def print_answers() -> None:
    """Print an answer file to copy."""
    click.echo(example(), nl=False)


def set_up(answers: Path | None, *, dry_run: bool, yes: bool) -> None:
    """Ask, or read ``answers``; say what would change; do it. Ends the process where that cannot be."""
    with _told():
        os.umask(_UMASK)
        places, system = machine()
        if answers is None:
            _talk(places, system, dry_run=dry_run, ask=not yes)
            return
        given = read_answers(answers)
        with alone(places):
            _set_up(places, system, given, dry_run=dry_run, ask=False)


def install(certificate: Path, key: Path) -> None:
    """Take over a certificate of the school's own. Ends the process where that cannot be."""
    with _told():
        os.umask(_UMASK)
        pair, renewed = install_pair(*machine(), certificate, key)
        for warning in pair.warnings:
            click.echo(f"Warning: {warning}.", err=True)
        whom = f"in use by {', '.join(renewed)}" if renewed else "the one in use already"
        click.echo(f"The certificate for {', '.join(pair.names)}, good until {pair.ends:%Y-%m-%d}, is {whom}.")


def _talk(places: Places, system: System, *, dry_run: bool, ask: bool) -> None:
    """Ask until the answers go together; what was answered is proposed again."""
    given: dict[str, Answer] = {}
    while True:
        given = _asked(places, given)
        try:
            with alone(places):
                _set_up(places, system, given, dry_run=dry_run, ask=ask)
            return
        except Wrong as wrong:
            click.echo()
            for problem in wrong.problems:
                click.echo(problem, err=True)
            click.echo("Nothing was changed.", err=True)
            if not click.confirm("Go through the questions again, with your answers?", default=True):
                raise SystemExit(2) from None


def _set_up(places: Places, system: System, given: Answers, *, dry_run: bool, ask: bool) -> None:
    if places.recovering.exists():
        raise Wrong(["a recovery is under way on this machine; go on with: schoolserver restore --everything"])
    plan = prepare(places, system, given)
    if full := space(places):
        raise Wrong(full)
    _tell(plan)
    if dry_run:
        click.echo("Nothing was changed (--dry-run).")
        return
    if ask and plan.changes and not click.confirm("Do this?", default=True):
        click.echo("Nothing was changed.")
        return
    doing = Doing(places, system, plan)
    carry_out(doing)
    _next(doing)


def carry_out(doing: Doing, command: str = "schoolserver setup") -> None:
    """Do all steps and wait until the server is well; ``command`` goes on where it was cut. Ends the process if not."""
    _do(doing, command)
    if not doing.started:
        click.echo("systemd does not run here, so nothing was started: the server starts when this machine boots.")
        return
    try:
        answer = _answering(doing.plan)
    except KeyboardInterrupt:
        click.echo("\nEverything is in place; whether it is well says schoolserver status.", err=True)
        raise SystemExit(130) from None
    load(doing.places.settings)
    click.echo(f"The settings in {doing.places.settings} are right.")
    if answer is None:
        raise click.ClickException(
            f"everything is in place, but the server does not answer within {_UP_WITHIN:.0f} s. See systemctl --failed"
            " and journalctl -b -u 'schoolserver-*'; when it is mended: systemctl start schoolserver.target"
        )
    show(answer)


def _asked(places: Places, given: Answers) -> dict[str, Answer]:
    """Ask every question at the terminal; proposed is what was ``given`` just now, is set, or suggests itself."""
    present, last = found_answers(settings_texts(places.settings)), last_answers(places)
    suggested = proposals(fitting_here(places))
    answers: dict[str, Answer] = {}
    click.echo("Enter takes the answer in brackets; lists are separated by commas; none means nothing.")
    for question in QUESTIONS:
        if not question.concerns(answers):
            if question.key in present and question.file != "domain":
                answers[question.key] = default(question)
            continue
        proposed = given.get(question.key) or present.get(question.key)
        if proposed is None and (question.must or not question.file or question.key not in last):
            proposed = last.get(question.key) or suggested.get(question.key)
        if proposed is None and not question.must:
            proposed = default(question)
        answers[question.key] = _answer(question, proposed)
    return answers


def _answer(question: Question, proposed: Answer | None) -> Answer:
    click.echo(f"\n{click.wrap_text(question.option.help, 78)}")
    if question.why:
        click.echo(click.wrap_text(question.why, 78))
    shown = None if proposed is None else talk.words(question, proposed.node)
    if shown in {None, "none"}:
        click.echo(f"Example: {talk.example(question)}")
    while True:
        words = click.prompt(question.key, default=shown)
        if proposed is not None and words == shown:
            return proposed
        answer = talk.typed(question, words)
        if isinstance(answer, Answer):
            return answer
        click.echo(answer, err=True)


def _tell(plan: Plan) -> None:
    for note in plan.notes:
        click.echo(f"Note: {note}.")
    click.echo("What changes:" if plan.changes else "Nothing changes: everything is as it should be already.")
    for change in plan.changes:
        click.echo(f"  {change}")


def _do(doing: Doing, command: str) -> None:
    """Do the steps, each with a line of its own; raises :class:`click.ClickException` naming the one that failed."""
    steps = doing.steps()
    for number, step in enumerate(steps, 1):
        try:
            click.echo(f"Step {number} of {len(steps)}: {step.text}")
            step.act()
        except KeyboardInterrupt:
            click.echo(f"\nInterrupted at '{step.text}'. Run {command} again: it goes on from here.", err=True)
            raise SystemExit(130) from None
        except (SystemProblem, AuthorityError, PairProblem, LookupError, OSError) as error:
            raise click.ClickException(
                f"step '{step.text}' failed: {_cause(error)}.\nWhen that is mended, run {command} again: it goes on"
                " from here."
            ) from error


def _answering(plan: Plan) -> dict[str, Any] | None:
    """The server's first status that is well, or the last one there was in time; ``None``: no answer at all."""
    client = ControlClient(plan.settings.server.runtime / "control" / "control.sock")
    if not plan.first:
        with contextlib.suppress(ServerUnreachable):
            for warning in client.call("settings.reload")["warnings"]:
                click.echo(f"Warning: {warning}.", err=True)
    end, pause, answer = time.monotonic() + _UP_WITHIN, threading.Event(), None
    with Console(stderr=True).status("Waiting for the server and its first probes"):
        while True:
            with contextlib.suppress(ServerUnreachable, ServerRefused):
                answer = client.call("status")
                if _settled(answer):
                    return answer
            if time.monotonic() > end:
                return answer
            pause.wait(_LOOK_EVERY)


def _settled(answer: dict[str, Any]) -> bool:
    """Whether waiting helps no more: all is well but what somebody has to see to first."""
    rows = (*answer["units"], *answer["probes"], *answer["checks"])
    well = all(row["ok"] or row["name"] in _LATER for row in rows)
    return well and all(probe["age"] is not None for probe in answer["probes"])


def _next(doing: Doing) -> None:
    plan, lines = doing.plan, [*_directory(doing)]
    target = plan.settings.backup.target
    if target is not None and (plan.first or any("backup.yaml" in change.what for change in plan.changes)):
        user, _, host = target.partition("@")
        lines += [
            f"Backup: on {host} install the package schoolserver-backup-server, and run there, as root:",
            f"  schoolserver-backup-server pair {user.removeprefix('schoolbackup-')}",
            "and here: schoolserver backup pair. Until then status says BAD for the probe backup.",
        ]
    if plan.pair is None and doing.new_authority:
        lines.append(f"Let PCs and tablets trust {doing.places.authority} (good for this school's names only).")
    if plan.first:
        lines += [
            "Accounts: schoolserver users import schueler.csv --dry-run, then without --dry-run. One-time passwords",
            "are in a file then; each is changed at this machine (schoolserver passwd LOGIN) before it opens anything.",
            *_open_web(plan),
            "Every morning: schoolserver status. How to do all that: /usr/share/doc/schoolserver-common/handbook.md.gz",
        ]
    click.echo("\nWhat to do next:" if lines else "")
    for line in lines:
        click.echo(line)


def _directory(doing: Doing) -> Iterator[str]:
    plan = doing.plan
    yield from (f"Existing directory: {hint}" for hint in doing.hints)
    if plan.moving is not None:
        yield "Nobody has a password now, for passwords cannot move. Give out new ones, class by class:"
        yield "  schoolserver users first-passwords   (--group klasse3a for one class; --dry-run says who)"
        left = plan.settings.server.state / "directory"
        yield f"What slapd had stays in {left} until schoolserver-directory is purged."
    if plan.settings.directory.kind == "domain" and "domain" not in plan.directory.made:
        yield "PCs join the domain with: schoolserver pcs add NAME (see the handbook)."


def _open_web(plan: Plan) -> Iterator[str]:
    """Pupils' browsers meet everything until the lists have come."""
    index = plan.settings.server.state / "filter" / "web.index"
    if any(unit.name == "proxy" for unit in plan.units) and not index.exists():
        yield "Web: no category is closed until the lists have been fetched, which begins now by itself."
        yield "Until then status says BAD for the web lists. How far it is: schoolserver web lists"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what went wrong before anything was changed into words and exit codes."""
    try:
        yield
    except Wrong as wrong:
        _refuse(wrong.problems)
    except SettingsError as error:
        _refuse(map(str, error.problems))
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted. Nothing was changed.", err=True)
        raise SystemExit(130) from None
    except (Busy, SystemProblem, AuthorityError, PairProblem, LookupError, OSError) as error:
        raise click.ClickException(_cause(error)) from error
    except ServerRefused as refusal:
        raise click.ClickException(refusal.text) from None


def _refuse(problems: Any) -> None:
    for problem in problems:
        click.echo(problem, err=True)
    click.echo("Nothing was changed.", err=True)
    raise SystemExit(2)


def _cause(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or os.strerror(error.errno or 0)}"
    return str(error)
