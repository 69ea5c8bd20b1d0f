"""A source of time is asked as RFC 4330 says: a server of our own that is wrong by a known amount."""

import contextlib
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from ipaddress import ip_network
from pathlib import Path

import pytest

from appliance.clock.render import Clock, render
from appliance.supervisor import probe_clock
from tests.integration.demo.waiting import eventually
from tests.integration.support_place import ROOT

SINCE_1900 = 2_208_988_800


@contextlib.contextmanager
def time_server(reply):
    """Answers each question with ``reply(question)`` on a port of its own, which is asked instead of 123."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(10)

        def serve():
            question, client = line.recvfrom(512)
            if answer := reply(question):
                line.sendto(answer, client)

        serving = threading.Thread(target=serve)
        serving.start()
        yield line.getsockname()[1]
        serving.join()


def stamp(at):
    whole = int(at)
    return (whole + SINCE_1900) % 2**32 << 32 | int((at - whole) * 2**32)


def packet(question, ahead=0.0, flags=0x24, stratum=2, mark=None, now=None):
    now = (time.time() if now is None else now) + ahead
    head = struct.pack("!BB22x", flags, stratum)
    return head + (question[40:48] if mark is None else mark) + struct.pack("!QQ", stamp(now), stamp(now))


@pytest.fixture
def difference(monkeypatch):
    def ask(reply, timeout=5.0):
        with time_server(reply) as port:
            monkeypatch.setattr(probe_clock, "_PORT", port)
            return probe_clock.difference_to("127.0.0.1", timeout)

    return ask


@pytest.mark.parametrize("ahead", [0.0, 412.0, -3600.5])
def test_the_difference_is_measured(difference, ahead):
    assert difference(lambda question: packet(question, ahead)) == pytest.approx(ahead, abs=0.2)


def test_the_count_of_seconds_begins_anew_in_2036(difference):
    in_2040 = 2_208_988_800.0
    assert difference(lambda question: packet(question, now=in_2040)) == pytest.approx(in_2040 - time.time(), abs=0.5)


@pytest.mark.parametrize(
    "reply",
    [
        lambda question: packet(question, flags=0xE4),  # its own clock is not set
        lambda question: packet(question, stratum=0),  # it asks not to be asked (kiss of death)
        lambda question: packet(question, stratum=16),
        lambda question: packet(question, flags=0x23),  # a question
        lambda question: packet(question, mark=bytes(8)),  # somebody who has not seen the question
        lambda question: packet(question)[:47],
        lambda _question: b"",
    ],
)
def test_who_does_not_know_the_time_is_not_believed(difference, reply):
    with pytest.raises(OSError):
        difference(reply, 0.3)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("chronyd"), reason="a time service needs root, and chrony")
def test_the_servers_own_time_service_answers_on_loopback():
    """The real chrony with our configuration, in a network of its own; it leaves the machine's clock alone (-x)."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        config = render(Clock((), (ip_network("10.1.0.0/16"),), folder, folder, folder, "root"))
        (folder / "chrony.conf").write_text(config)
        ask = "from appliance.supervisor.probe_clock import difference_to as ask; print(abs(ask('127.0.0.1', 0.5)) < 1)"
        script = f"ip link set lo up; exec chronyd -x -d -f {folder}/chrony.conf"
        served = subprocess.Popen(["unshare", "--net", "sh", "-ec", script], stderr=subprocess.PIPE)
        try:
            assert select.select([served.stderr], [], [], 10)[0], "chrony says nothing"
            inside = ["nsenter", f"--target={served.pid}", "--net", "/usr/bin/python3", "-c", ask]

            def answer():
                done = subprocess.run(inside, cwd=ROOT, capture_output=True, text=True, check=False)
                return done.stdout.strip()

            assert eventually(answer) == "True"
        finally:
            served.terminate()
            served.communicate()
    finally:
        shutil.rmtree(folder)
