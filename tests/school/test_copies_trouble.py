"""What goes wrong between the two machines while a backup is made, and after it: the history stays, the next is whole.

The moments are random, from a seed that is printed. All machines here have one clock, so what one that was ahead leaves
behind is put there by hand.
"""

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.demo.waiting import eventually
from tests.school.box.furnishing import copy
from tests.school.box.host import Host
from tests.school.box.school import School

SEED = int(os.environ.get("SCHOOL_SEED", "20261122"))
_COPIES = "/srv/copies/kiste"
_HOME = "/srv/schoolserver/homes/emma.jaeger"
_SETTINGS = "/etc/schoolserver/backup.yaml"
_ENDS_WITHIN = 180.0


@pytest.fixture
def backup(at_school: School) -> Iterator[Host]:
    """The second machine; in Emma's home is a film that it has not got yet, three seconds' worth of a slow line."""
    server = at_school.server
    server.run(f"cp -a {_SETTINGS} /root/before.yaml && printf 'bandwidth: 4 MiB\\nsilence: 10 s\\n' >>{_SETTINGS}")
    server.run(f"head -c 12M /dev/urandom >{_HOME}/Film && chown --reference={_HOME} {_HOME}/Film")
    yield at_school.hosts["backup"]
    server.run(f"cp -a /root/before.yaml {_SETTINGS} && rm {_HOME}/Film /root/before.yaml")
    copy(server)


def test_the_line_is_cut_while_a_copy_is_made(at_school: School, backup: Host) -> None:
    """It is told what happened, nothing half is a snapshot, and the next copy has everything."""
    before = _snapshots(backup)
    run = at_school.server.start("schoolserver backup run")
    eventually(lambda: backup.run(f"find {_COPIES}/incoming -name '.Film.*' -size +1M"), _ENDS_WITHIN, "some of it")
    backup.run("ip link set host0 down")
    try:
        said, _ = run.communicate(timeout=_ENDS_WITHIN)
        assert run.returncode == 1
        assert b"Error" in said
        assert _snapshots(backup) == before
    finally:
        backup.run("ip link set host0 up")
    _whole(at_school, backup, before)


def test_the_disk_over_there_is_full(at_school: School, backup: Host) -> None:
    """Its cause is told as what it is, and the snapshots that are there stay."""
    before = _snapshots(backup)
    backup.run("fallocate -l $(( $(df --output=avail -B1 /srv | tail -1) - 1000000 )) /srv/filler")
    try:
        done = at_school.server.attempt("schoolserver backup run", timeout=_ENDS_WITHIN)
        assert done.code == 1
        assert "disk of the backup server is full" in done.said
        assert _snapshots(backup) == before
    finally:
        backup.run("rm /srv/filler")
    _whole(at_school, backup, before)


@pytest.mark.parametrize("number", range(3))
def test_the_power_goes_over_there(at_school: School, backup: Host, number: int) -> None:
    """At any moment of a copy: what the second machine has is what it says."""
    _power_cut(at_school, backup, random.Random(f"{SEED}-{number}"))


@pytest.mark.soak
@pytest.mark.parametrize("number", range(3, 23))
def test_the_power_goes_over_there_at_many_moments(at_school: School, backup: Host, number: int) -> None:
    """The same, at more of them."""
    _power_cut(at_school, backup, random.Random(f"{SEED}-{number}"))


def test_a_clock_over_there_that_was_ahead(at_school: School, backup: Host) -> None:
    """A snapshot of the future is an alarm; the day before keeps its newest, as ever, and copies go on."""
    copy(at_school.server)
    copy(at_school.server)
    stays, newest = list(_snapshots(backup))[-2:]
    ahead = "2031-01-01T000000"
    for kind, suffix in (("snapshots", ""), ("dumps", ".age")):
        backup.run(f"mv {_COPIES}/{kind}/{newest}{suffix} {_COPIES}/{kind}/{ahead}{suffix}")
    before = _snapshots(backup)
    try:
        assert "of the future" in at_school.server.run("schoolserver backup list")
        assert backup.attempt("systemctl start schoolbackup-watch.service").code == 1
        copy(at_school.server)
        after = _snapshots(backup)
        assert [after[name] for name in (stays, ahead)] == [before[name] for name in (stays, ahead)]
        assert list(after)[-1] > ahead
    finally:
        backup.run(f"rm -r {_COPIES}/snapshots/2031-* {_COPIES}/dumps/2031-*")
    copy(at_school.server)
    backup.run("systemctl start schoolbackup-watch.service")


def _power_cut(at_school: School, backup: Host, chance: random.Random) -> None:
    before = _snapshots(backup)
    run = at_school.server.start("schoolserver backup run")
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.wait(chance.uniform(0.2, 5.0))
    backup.cut_power()
    backup.boot()
    run.communicate(timeout=_ENDS_WITHIN)
    _whole(at_school, backup, before)


def _whole(at_school: School, backup: Host, before: dict[str, str]) -> None:
    """The next copy is made, has the film, and every snapshot of ``before`` is as it was."""
    copy(at_school.server)
    after = _snapshots(backup)
    assert before.items() <= after.items(), f"seed {SEED}"
    newest = list(after)[-1]
    assert newest not in before
    digest = at_school.server.run(f"sha256sum <{_HOME}/Film")
    assert backup.run(f"sha256sum <{_COPIES}/snapshots/{newest}/homes/emma.jaeger/Film") == digest, f"seed {SEED}"
    at_school.play("""
        backup# ls -A /srv/copies/kiste/snapshots
        ! .*
        server# schoolserver backup list
        *
    """)


def _snapshots(backup: Host) -> dict[str, str]:
    """Each snapshot with a digest of all that is in it: names, owners, modes, times, contents."""
    kept = "--numeric-owner --xattrs --xattrs-include='user.*' --pax-option=delete=atime,delete=ctime"
    digest = f"tar -c --sort=name {kept} . | sha256sum"
    said = backup.run(f"cd {_COPIES}/snapshots && for one in 2*; do echo $one $(cd $one && {digest}); done")
    return dict(line.split()[:2] for line in said.splitlines())
