"""The box itself: hosts that boot, a network without a way out, a power cut that loses what was not synced."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping

import pytest

from tests.school.box import workspace
from tests.school.box.host import Done, Host
from tests.school.box.layers import ROOT
from tests.school.box.transcript import Step, differs, play, read

Hosts = Mapping[str, Host]


def test_hosts_are_whole_debians_and_see_each_other(two_hosts: Hosts) -> None:
    two_hosts["origin"].run("ip address add 10.88.0.99/16 dev host0")
    play(
        two_hosts,
        """
        pc$ systemctl is-system-running
        running
        pc$ ps -o comm= -p 1
        systemd
        pc$ curl -sS http://10.88.0.99/
        *Welcome to the internet*
        pc$ curl -sS --max-time 5 http://192.88.99.1/
        -> 7
        """,
    )


def test_what_was_not_synced_is_lost_when_the_power_goes(two_hosts: Hosts) -> None:
    pc = two_hosts["pc"]
    pc.run("echo kept >/root/kept && sync && echo lost >/root/lost")
    pc.cut_power()
    pc.boot()
    play(
        two_hosts,
        """
        pc$ cat /root/kept /root/lost
        kept
        -> 1
        """,
    )


def test_a_reboot_keeps_everything_and_the_journal_goes_on(two_hosts: Hosts) -> None:
    pc = two_hosts["pc"]
    pc.run("echo before >/root/before; logger a line of the boot before")
    pc.reboot()
    play(
        two_hosts,
        """
        pc$ cat /root/before
        before
        pc$ systemctl is-system-running
        running
        """,
    )
    assert "a line of the boot before" in pc.journal()


def test_a_run_that_was_killed_leaves_nothing_that_the_next_does_not_clear(two_hosts: Hosts) -> None:
    script = textwrap.dedent("""
        from tests.school.box.school import hosts
        with hosts("bookworm", ("pc",)) as booted:
            print(booted["pc"].disk.root.parent.parent.name, flush=True)
            input()
    """)
    run = subprocess.Popen(
        (sys.executable, "-c", script), cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    name = run.stdout.readline().strip()
    left = workspace.CACHE / "runs" / name
    assert left.is_dir()
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    with workspace.run_folder():
        assert not left.exists()
    assert not workspace.cgroup_of(left).kill_file.exists()
    assert name not in subprocess.run(("losetup", "--list"), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("said", "code", "problem"),
    [
        ("one\ntwo\nthree\n", 0, None),
        ("two\none\nthree\n", 0, "not seen: t*o"),
        ("one\ntwo\nbad\n", 0, "there is: bad"),
        ("one\ntwo\n", 3, "exit code 3, not 0"),
    ],
)
def test_transcripts_say_what_differs(said: str, code: int, problem: str | None) -> None:
    (step,) = read("pc$ a command \\\n  of two lines\none\nt*o\n! bad\n")
    assert step == Step("pc", "a command   of two lines", ["one", "t*o"], ["bad"])
    assert differs(step, Done(code, said)) == problem
