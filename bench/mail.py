"""Mail accepted and stored, against Postfix: same disk, same load from smtp-source, both flush before they say 250.

A device of the school hands it in on port 25, and all rules act: who may send, heads read and rewritten, quota, the
mark on each message, events to the audit. Ours puts each message into the mailbox before it says 250; Postfix puts it
into its queue, and what it does with it then is done at its cheapest (discarded), or as ours (into a Maildir). Either
has one core, the load another; on a machine that does other work rates mean little, CPU per message does. The disk is
an ext4 of its own in a file, for a file system without a journal, as some machines have, is another thing;
``BENCH_DISK`` names a folder on a real one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import smtplib
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import ClassVar

from appliance.policy.account import Group, GroupKind, Role
from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from bench.cores import pin
from bench.harness import Row
from bench.mail_peer import Server, postfix
from tests.integration.mail.school import School
from tests.integration.support_disk import disk
from tests.integration.support_parts import person, short_folder

_LARGE, _MANY, _LIMIT = 20 * 1024 * 1024, 20, 40_000_000
_CLASS, _DISK = 30, 12 * 1024**3
_SENDER, _READER, _GROUP = (f"{name}@schule.example" for name in ("kopierer", "pupil0", "klasse3a"))
_LOADS = tuple(
    (size, sessions, kept, goal, messages)
    for size, goal, messages in ((4 * 1024, 1.3, 2000), (100 * 1024, 1.5, 800))
    for sessions in (10, 50)
    for kept in (False, True)
)


class _School(School):
    """One whose copier is this machine, with one class."""

    PEOPLE: ClassVar = {
        name: person(name, 20_100 + number, Role.PUPIL, groups=("klasse3a",))
        for number, name in enumerate(f"pupil{number}" for number in range(_CLASS))
    }
    GROUPS: ClassVar = {"klasse3a": Group("klasse3a", GroupKind.CLASS, 30_001, "Klasse 3a")}
    NETWORK_YAML = "device_networks: [127.0.0.0/8]\n"
    MAIL_YAML = (
        "connections: 1000\nconnections_per_address: 1000\ncommands_max: 1000000\n"
        f"devices: [{{address: 127.0.0.1, sender: {_SENDER}, recipients_per_hour: 1000000, bytes_per_hour: 1 TB}}]\n"
    )


@contextlib.contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while all servers run. Needs root and postfix."""
    if os.geteuid() != 0 or shutil.which("smtp-source") is None:
        print("mail: skipped; needs root and postfix (apt-get install postfix)")
        yield ()
        return
    with (
        _disk() as place,
        short_folder(place) as (folder, stack),
        postfix(place, _SENDER, _READER, deliver=False) as discards,
        postfix(place, _SENDER, _READER, deliver=True) as delivers,
    ):
        (folder / "log").symlink_to(os.devnull)  # Postfix writes none either, and it would share the disk with the mail
        school = _School(folder, stack)
        school.publish(LimitTable(Limits(_LIMIT, _LIMIT), message_overhead=100_000))
        for daemon in (school.mail, school.audit):
            assert daemon.process is not None
            for pid in (daemon.process.pid, *daemon.children()):
                pin(pid)
        daemons = [each.process.pid for each in (school.mail, school.audit) if each.process is not None]
        ours = Server(school.ports["smtp"], _SENDER, _READER, tuple(daemons), school.data / "mail")
        yield (
            *_loads(ours, discards),
            *_stored(ours, delivers),
            *_cost(ours, discards),
            _class_mail(ours, replace(ours, recipient=_GROUP)),
            _meanwhile(ours, discards),
        )


@contextlib.contextmanager
def _disk() -> Iterator[str]:
    named = os.environ.get("BENCH_DISK")
    if named is not None:
        yield named
        return
    with short_folder() as (folder, stack):
        (folder / "disk").mkdir()
        stack.enter_context(disk(folder / "disk", _DISK))
        yield str(folder / "disk")


def _loads(ours: Server, peer: Server) -> Iterator[Row]:
    for size, sessions, kept, goal, messages in _LOADS:
        name = f"Mail: {size // 1024} KiB, {sessions} sessions, {'kept' if kept else 'a new one for each'}"
        rate = partial(_rate, messages=messages, size=size, sessions=sessions, kept=kept)
        yield Row(name, "1/s", True, partial(rate, ours), partial(rate, peer), "Postfix", goal)


def _stored(ours: Server, peer: Server) -> Iterator[Row]:
    for size, messages in ((4 * 1024, 2000), (100 * 1024, 800)):
        rate = partial(_rate, messages=messages, size=size, sessions=10, kept=True)
        name = f"Mail: {size // 1024} KiB, 10 sessions, kept"
        yield Row(name, "1/s", True, partial(rate, ours), partial(rate, peer), "Postfix to a Maildir")


def _cost(ours: Server, peer: Server) -> Iterator[Row]:
    for size, kept, messages in ((4 * 1024, False, 1000), (4 * 1024, True, 2000), (100 * 1024, True, 800)):
        name = f"Mail: {size // 1024} KiB, 10 sessions, {'kept' if kept else 'a new one for each'}: CPU of a message"

        def taken(server: Server, size: int = size, kept: bool = kept, messages: int = messages) -> float:
            before = server.cpu()
            server.rate(messages, size, 10, kept=kept)
            return (server.cpu() - before) / messages * 1e6

        yield Row(name, "us", False, partial(taken, ours), partial(taken, peer), "Postfix")


def _class_mail(ours: Server, to_class: Server) -> Row:
    def taken(server: Server, messages: int, each: int) -> float:
        return 1000 * each / server.rate(messages, 4 * 1024, 1)

    name = f"Mail: one to a class of {_CLASS}"
    return Row(
        name, "ms", False, lambda: taken(to_class, 200, 1), lambda: taken(ours, 600, 3), "three to one pupil each", 1.0
    )


def _meanwhile(ours: Server, peer: Server) -> Row:
    name = f"Mail: NOOP p99 while {_MANY} mails of 20 MB come"
    return Row(name, "ms", False, lambda: _noop(ours), lambda: _noop(peer), "Postfix", limit=50.0)


def _rate(server: Server, messages: int, size: int, sessions: int, kept: bool) -> float:
    return server.rate(messages, size, sessions, kept=kept)


def _noop(server: Server) -> float:
    """Ask a whole session, again and again, until all large mails are there; ms of 99 of 100 replies."""
    taken, done = [], threading.Event()

    def load() -> None:
        try:
            server.send(_MANY, _LARGE, _MANY)
        finally:
            done.set()

    with ThreadPoolExecutor(1) as pool, smtplib.SMTP("127.0.0.1", server.port, timeout=60) as client:
        client.ehlo("panel.schule.example")
        loading = pool.submit(load)
        while not done.is_set():
            begun = time.perf_counter()
            client.noop()
            taken.append(time.perf_counter() - begun)
        loading.result()
    return statistics.quantiles(taken, n=100)[98] * 1000
