"""The command ``schoolserver-backup-server``, for whoever looks after this machine; root alone.

May live here: its words, and what it shows. May not: doing it (``pair``, ``enroll``, ``forget*``). Exit 0 done, 1 not,
2 wrong words or settings.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

from appliance.backup_server import enroll, forget, forget_list, forget_rule, own_sshd, store
from appliance.backup_server.enroll import Places
from appliance.backup_server.forget_rule import Refused
from appliance.backup_server.names import SCHOOL
from appliance.backup_server.pair import LASTS, NotPaired, Terminal, pair
from appliance.backup_server.pairing import PlaceValues
from appliance.backup_server.settings import FILE, SettingsError, load

PORT = 7410
"""Where a school's server is waited for."""

_LOCK_WITHIN = 600.0  # a commit may be at work
_ROUND = timedelta(hours=2)  # what is ripe is done within the hour
_EXAMPLES = """examples:
  schoolserver-backup-server pair goethe
  schoolserver-backup-server list
  schoolserver-backup-server forget list goethe
  schoolserver-backup-server forget confirm goethe 0123456789ab
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words say."""
    given = _parser().parse_args(argv)
    os.umask(0o077)
    try:
        return int(given.act(given, Places(load(given.settings))))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except (NotPaired, Refused, store.Busy, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
    except PermissionError:
        print("Error: this is for root; try sudo", file=sys.stderr)
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nEnded; nothing was kept.", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "schoolserver-backup-server",
        description="Takes in the backup of schools' servers. README.Debian says how to set it up.",
        epilog=_EXAMPLES,
        formatter_class=raw,
    )
    parser.add_argument("--settings", type=Path, default=FILE, help="another file of settings (default: %(default)s)")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    said = "wait for a school's server and let it in when both show the same code"
    one = actions.add_parser("pair", help=said, description=said, epilog=_EXAMPLES, formatter_class=raw)
    one.add_argument("school", type=_school, metavar="SCHOOL", help="its name here: a-z, 0-9, -; up to 19 characters")
    one.add_argument("--port", type=_port, default=PORT, help=f"where to wait (default: {PORT})")
    one.add_argument("--address", default="", help="wait at this address of this machine only (default: all)")
    one.add_argument("--again", action="store_true", help="though it is paired: a new server or a new recovery sheet")
    one.set_defaults(act=_pair)
    one = actions.add_parser(
        "list", help="the schools and their copies", description="List the schools and their copies."
    )
    one.set_defaults(act=_list)
    said = "people who are to be removed from all copies of a school"
    one = actions.add_parser("forget", help=said, description=said, epilog=_EXAMPLES, formatter_class=raw)
    words = one.add_subparsers(required=True, metavar="WHAT")
    for name, act, help_ in (
        ("list", _forget_list, "requests that wait"),
        ("confirm", _forget_confirm, "carry requests out now"),
        ("refuse", _forget_refuse, "strike requests out"),
    ):
        one = words.add_parser(name, help=help_, description=help_)
        one.add_argument("school", type=_school, metavar="SCHOOL")
        if name != "list":
            one.add_argument(
                "ids", metavar="ID", nargs="+", help="as list shows it; several at once are all done, or none"
            )
        one.set_defaults(act=act)
    return parser


def _pair(given: argparse.Namespace, places: Places) -> int:
    school = given.school
    if places.accounts and os.geteuid() != 0:
        raise PermissionError
    if enroll.paired(places, school) is not None and not given.again:
        raise NotPaired(f"{school} is paired already; for a new server of it or a new recovery sheet say --again")
    port, host_key = own_sshd.found()
    with _listening(given.address, given.port) as server:
        print(
            f"Waiting for the school's server at port {given.port}, for {LASTS / 60:.0f} minutes. Run there, as root:"
        )
        print(f"\n    schoolserver backup pair {socket.gethostname()}{_other(given.port)}\n", flush=True)
        place = PlaceValues(enroll.user(school), host_key, port)
        pair(server, place, Terminal(0, sys.stdout), lambda keys: enroll.enroll(places, school, keys))
    print(f"{school} is paired. Its copies will be in {places.settings.folder / school}.")
    return 0


def _listening(address: str, port: int) -> socket.socket:
    if address:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address, port), family=family)
    both = socket.has_dualstack_ipv6()
    return socket.create_server(("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both)


def _other(port: int) -> str:
    return "" if port == PORT else f" --port {port}"


def _list(_given: argparse.Namespace, places: Places) -> int:
    for school in store.schools(places.settings):
        found = store.place(places.settings, school)
        names, state = found.names(), "" if enroll.paired(places, school) is not None else "; no key of it is let in"
        print(f"{school}: {len(names)} copies, {len(found.dump_names())} with a dump{state}")
        for name in names:
            print(f"  {name}")
        if waiting := [one for one in forget_list.read(found.folder) if one.done is None]:
            print(f"  {len(waiting)} requests to remove somebody wait: schoolserver-backup-server forget list {school}")
    return 0


def _forget_list(given: argparse.Namespace, places: Places) -> int:
    now = _now()
    for one in forget_list.read(store.place(places.settings, given.school).folder):
        if one.done is None:
            why = "consent withdrawn" if one.consent else "asked"
            state = f"will be done on {one.ripe:%Y-%m-%d}"
            if one.confirmed is not None:
                state = "confirmed"
            elif now - one.ripe > _ROUND:
                state = (
                    f"ripe since {one.ripe:%Y-%m-%d}, waits for confirm: a tenth of the accounts has gone in 30 days"
                )
            print(f"{one.id}  {one.login} ({one.uid})  {why} {one.asked:%Y-%m-%d}, {state}")
    return 0


def _forget_confirm(given: argparse.Namespace, places: Places) -> int:
    """It is done at once, as far as no transfer is at work."""
    found, now = store.place(places.settings, given.school), _now()
    forget_list.change(
        found.folder,
        lambda requests: reduce(lambda some, one: forget_rule.confirm(some, one, now), given.ids, requests),
        now,
    )
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(found.locked(exclusive=True, seconds=_LOCK_WITHIN))
        except store.Busy:
            print("Confirmed. A transfer is at work; it is done within the hour after it.")
            return 0
        did = forget.work(found.folder, _now)
    print(f"Done: {did.removed} folders were removed from the copies.")
    return 0


def _forget_refuse(given: argparse.Namespace, places: Places) -> int:
    folder = store.place(places.settings, given.school).folder
    forget_list.change(folder, lambda requests: reduce(forget_rule.refuse, given.ids, requests), _now())
    print("Struck out.")
    return 0


def _now() -> datetime:
    return datetime.now(UTC)


def _school(text: str) -> str:
    if not SCHOOL.fullmatch(text):
        raise argparse.ArgumentTypeError("a-z, 0-9 and -, first a letter, at most 19 characters")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)
