"""A disk that stands still and mails that come all at once hold up nobody, and no mail is held in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from appliance.policy.decision import Limits
from appliance.policy.limits import LimitTable
from tests.integration.demo.waiting import eventually
from tests.integration.mail.senders import SENDER, DevicesOnly, device
from tests.integration.support_disk import disk
from tests.integration.support_parts import short_folder
from tests.integration.support_place import AS_ROOT

_READER = "frida.lehrer@schule.example"
_MANY, _LARGE = 20, 20_000_000
_HEAD = f"From: {SENDER}\r\n\r\n".encode()


@pytest.fixture(scope="module")
def school() -> Iterator[DevicesOnly]:
    with short_folder() as (folder, stack):
        made = DevicesOnly(folder, stack)
        made.publish(LimitTable(Limits(2 * _LARGE, 2 * _LARGE), message_overhead=100_000))
        eventually(lambda: _largest(made) > _LARGE)
        yield made


def test_twenty_large_mails_at_once_hold_up_nobody_and_are_not_held(school: DevicesOnly) -> None:
    worker = school.mail.children()[0]
    before, begun = _most_memory(worker), threading.Barrier(_MANY + 1)
    body = (b"x" * 70 + b"\r\n") * (_LARGE // 72)

    def send() -> None:
        with device(school) as client:
            begun.wait(20)
            client.sendmail(SENDER, [_READER], _HEAD + body)

    with ThreadPoolExecutor(_MANY) as pool, device(school) as other:
        sent = [pool.submit(send) for _ in range(_MANY)]
        other.timeout = 5
        begun.wait(20)
        answered = 0
        while not all(each.done() for each in sent):
            assert other.noop()[0] == 250
            answered += 1
        for each in sent:
            each.result()
    assert answered > 20
    files = school.boxes("frida.lehrer")
    assert len(files) == _MANY
    assert all(path.stat().st_size > len(body) for path in files)
    assert _most_memory(worker) - before < 80_000_000, "of 400 MB that came"


def test_who_goes_away_in_the_middle_leaves_nothing_open(school: DevicesOnly) -> None:
    worker, before = school.mail.children()[0], school.boxes("gina.musterfrau")
    for size in (0, 100, 5_000, 20_000):
        with ExitStack() as stack:
            clients = [stack.enter_context(device(school)) for _ in range(5)]
            for client in clients:
                client.ehlo()
                client.mail(SENDER)
                client.rcpt("gina.musterfrau@schule.example")
                client.docmd("DATA")
                assert client.sock is not None
                client.sock.sendall(_HEAD + (b"x" * 70 + b"\r\n") * size)
            if size == 20_000:
                eventually(lambda: len(_nameless(worker)) == 5)
            for client in clients:
                client.close()
    eventually(lambda: _nameless(worker) == [])
    assert school.boxes("gina.musterfrau") == before


@pytest.mark.skipif(not AS_ROOT, reason="only root can mount")
def test_a_disk_that_stands_still_holds_up_only_who_waits_for_it() -> None:
    """The mail that waits is stored when the disk goes on."""
    with short_folder() as (folder, stack):
        (folder / "srv").mkdir()
        own = stack.enter_context(disk(folder / "srv"))
        school = DevicesOnly(folder, stack)
        with ExitStack() as inner:
            slow, other = (inner.enter_context(device(school)) for _ in range(2))
            with ThreadPoolExecutor(1) as pool, own.standing_still():
                waiting = pool.submit(slow.sendmail, SENDER, [_READER], _HEAD + b"x\r\n")
                eventually(lambda: _in_flush(school.mail.children()[0]))
                other.timeout = 5
                other.ehlo()
                for _ in range(20):
                    assert other.noop()[0] == 250
                    assert other.mail(SENDER)[0] == 250
                    assert other.rcpt(_READER)[0] == 250
                    assert other.rset()[0] == 250
                assert not waiting.done()
                assert school.boxes("frida.lehrer") == []
            assert waiting.result() == {}
            assert len(school.boxes("frida.lehrer")) == 1


def _largest(school: DevicesOnly) -> int:
    with device(school) as client:
        client.ehlo()
        return int(client.esmtp_features["size"])


def _most_memory(pid: int) -> int:
    (line,) = (one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _nameless(pid: int) -> list[str]:
    """Files of messages that a process has open and that have no name yet."""
    names = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(path.readlink()))
    return [name for name in names if "/mail/#" in name]


def _in_flush(pid: int) -> bool:
    """Whether a thread of the worker waits for the disk."""
    states = (path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat"))
    return "D" in states
