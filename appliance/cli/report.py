"""``schoolserver report``: one file for whoever helps from outside, without anybody's data in it.

May live here: what goes into the file, and the file. May not: asking the machine (``report_system``), what is left out
of settings (``report_settings``) and of texts (``report_filter``).
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from calendar import timegm
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from appliance.cli.check import settings_option
from appliance.cli.report_filter import Filter
from appliance.cli.report_settings import shared_settings
from appliance.cli.report_system import about, last_lines
from appliance.cli.server import call
from appliance.daemon.options import SettingsError
from appliance.settings.load import load

_README = """\
A support bundle of schoolserver, made at {now} UTC.

settings/   what stands in the settings files; only words of the program's own, numbers, sizes and times stay, whatever
            the carer made up (names, logins, addresses, hosts, paths) reads "(removed)", and comments are gone
status      what the server says of itself
journal/    the last lines of each unit
the rest    figures, names and versions of programs

In status and journal {people}.

There are no passwords, keys, mails, files, logins or names of people in it. Please look through it before you send it.
"""


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; default: schoolserver-report-DATE.tar.gz here.",
)
@settings_option
def report(out: Path | None, folder: Path) -> None:
    """Write a file (tar.gz) that tells whoever helps from outside how this server is, and nothing of its people.

    Versions, settings without what is yours, status, states and last lines of the units, disks, clock, packages. A
    server that does not run can be reported, too. The file is yours alone (mode 0600): look through it, then send it.

    \b
    Examples:
      sudo schoolserver report
      schoolserver report --out /tmp/report.tar.gz
    """
    now = time.gmtime()
    path = out or Path(time.strftime("schoolserver-report-%Y%m%d-%H%M%S.tar.gz", now))
    parts = _parts(folder, time.strftime("%Y-%m-%d %H:%M", now))
    try:
        _write(path, parts, timegm(now))
    except OSError as problem:
        raise click.ClickException(f"{path} cannot be written: {problem.strerror}") from None
    click.echo(f"{path}: {len(parts)} files. Please look through it before you send it: tar -xzf {path} -O | less")


def _parts(folder: Path, now: str) -> dict[str, str]:
    state, data, runtime = _places(folder)
    sieve, people = _sieve(data)
    try:
        answer: dict[str, Any] | str = call("status", {})
    except click.ClickException:
        answer = "the server does not answer"
    if sieve is None:
        parts = {"status.json": json.dumps(_bare(answer), indent=1)}
    else:
        texts = {"status.json": json.dumps(answer, indent=1), **last_lines(state / "log")}
        parts = {name: sieve.clean(text) for name, text in texts.items()}
    try:
        parts |= {f"settings/{name}": text for name, text in shared_settings(folder).items()}
    except OSError as problem:
        parts["settings/README.txt"] = f"cannot be read: {problem.strerror}\n"
    parts |= about({"state": state, "data": data, "runtime": runtime})
    return {"README.txt": _README.format(now=now, people=people), **parts}


def _sieve(data: Path) -> tuple[Filter | None, str]:
    """What takes people out of texts (``None``: nobody can say who they are), and how it reads then."""
    reads = "\nread (person), mail addresses (address), those of machines (ip)"
    try:
        users = call("users.list", {})["users"]
    except click.ClickException:
        lodgers = _lodgers(data)
        if not lodgers:
            return None, "there are no texts: nobody could say whose names to take out"
        whose = "of all for whom there is a home or mailbox (the server gave no list)"
        return Filter(lodgers, ()), f"logins {whose}{reads}"
    found = Filter((user["login"] for user in users), (user["name"] for user in users))
    return found, f"logins and names of everybody who has an account{reads}"


def _places(folder: Path) -> tuple[Path, Path, Path]:
    """State, data and runtime folder; those of an installed server when the settings cannot be used."""
    try:
        server = load(folder).server
    except SettingsError:
        return Path("/var/lib/schoolserver"), Path("/srv/schoolserver"), Path("/run/schoolserver")
    return server.state, server.data, server.runtime


def _lodgers(data: Path) -> list[str]:
    found: set[str] = set()
    for place in (data / "homes", data / "mail"):
        try:
            found |= {path.name for path in place.iterdir() if not path.name.startswith(".")}
        except OSError:
            continue
    return sorted(found)


def _bare(answer: Any) -> Any:
    """The same without its texts: names of parts, states and figures only."""
    if isinstance(answer, dict):
        return {key: _bare(value) for key, value in answer.items() if key not in ("text", "status", "summary")}
    return [_bare(each) for each in answer] if isinstance(answer, list) else answer


def _write(path: Path, parts: Mapping[str, str], now: int) -> None:
    """Write the file whole, for its owner only; one that is there already is left alone."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in parts.items():
            content = text.encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"schoolserver-report/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, now
            archive.addfile(entry, io.BytesIO(content))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(packed.getvalue())
