"""Making a domain and starting it: cut at any moment, run again, and everything that can be in the way."""

import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from appliance.directory.client import connect
from appliance.directory.domain.tools import sole_use
from appliance.directory.engine_tools import CannotPrepare
from appliance.policy.account import Role
from tests.integration.support_domain import ROOT, RunningDomain, possible, start_domain

pytestmark = possible
DEADLINE = 120.0


def prepared(domain: RunningDomain) -> subprocess.CompletedProcess[str]:
    argv = domain.program("", "--prepare-only")
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=DEADLINE)


def told(domain: RunningDomain) -> str:
    """What it says when it does not start."""
    done = subprocess.run(domain.program(""), check=False, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def cut(domain: RunningDomain, there: Path) -> None:
    """Begin to prepare, and end it with all its helpers as soon as ``there`` exists."""
    process = subprocess.Popen(domain.program("", "--prepare-only"), start_new_session=True)
    descriptor = os.pidfd_open(process.pid)
    ended, limit = select.poll(), time.monotonic() + DEADLINE
    ended.register(descriptor, select.POLLIN)
    while not there.exists():
        assert time.monotonic() < limit
        assert not ended.poll(2), f"it was ready before there was {there.name}"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    os.close(descriptor)


def test_cut_anywhere_it_is_made_up_for(short):
    with start_domain(short, made=False, started=False) as domain:
        place = domain.place
        for there in (
            place.folder / "new" / "private" / "sam.ldb",
            place.administrator,
            place.config,
            place.passwords["supervisor"],
        ):
            place.administrator.unlink(missing_ok=True)
            cut(domain, there)
        domain.start()
        assert not (place.folder / "new").exists()
        supervisor = connect(domain.settings, "supervisor")
        supervisor.create_account(login="fred", uid=20000, given_name="Fred", surname="Muster", role=Role.PUPIL)
        assert [account.login for account in supervisor.read().accounts] == ["fred"]
        supervisor.close()


def test_a_full_disk_is_called_that_and_room_is_all_it_needs(short):
    """A disk of its own that is too small, then large enough; it keeps access lists as any other does."""
    with start_domain(short, made=False, started=False) as domain:
        folder, certificate = domain.place.folder, short / "tls"
        shutil.move(folder / "tls", certificate)
        for argv in (["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs"], ["cp", "-a", str(certificate)]):
            subprocess.run(domain.network.argv([*argv, str(folder)]), check=True)  # a mount of the domain's own
        assert "the disk is full" in told(domain)
        subprocess.run(domain.network.argv(["mount", "-o", "remount,size=1g", str(folder)]), check=True)
        done = prepared(domain)
        assert done.returncode == 0, done.stderr


def test_it_stays_the_domain_that_it_was_made_as(short):
    with start_domain(short, started=False, domain="host: server\nworkgroup: OTHER\n") as domain:
        answer = told(domain)
        assert "made as schule.example, SCHULE, server" in answer
        assert "schule.example, OTHER, server" in answer


def test_a_port_that_somebody_has(short):
    with start_domain(short, started=False) as domain:
        code = "import socket; s = socket.create_server(('127.0.0.1', 389)); print('up', flush=True); input()"
        argv = domain.network.argv(["/usr/bin/python3", "-c", code])
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "up\n"
            assert "389 (LDAP)" in told(domain)
            other.communicate("\n")


def test_told_to_end_it_ends_as_its_unit_expects(short):
    unit = (ROOT / "debian" / "units" / "schoolserver-domain" / "schoolserver-domain.service").read_text()
    with start_domain(short) as domain:
        process = domain.process
        assert process is not None
        domain.kill(signal.SIGTERM)
        assert f"\nSuccessExitStatus={process.returncode}\n" in unit


def test_two_on_one_folder(school):
    with pytest.raises(CannotPrepare, match="another Samba runs"), sole_use(school.domain.place.folder, 0.2):
        pass


def test_a_clock_in_the_past(short):
    with start_domain(short, started=False) as domain:
        later = time.time() + 7 * 86400
        os.utime(next(domain.place.private.glob("sam.ldb.d/DC=SCHULE,*.ldb")), (later, later))
        assert "set the clock" in told(domain)


def test_without_a_certificate(short):
    with start_domain(short, started=False) as domain:
        (domain.place.tls / "cert.pem").unlink()
        assert "schoolserver setup makes it" in told(domain)


def test_wrong_settings_are_told_apart(short):
    with start_domain(short, started=False) as domain:
        (domain.settings.folder / "domain.yaml").write_text("host: a name that is no name\n")
        done = subprocess.run(domain.program(""), check=False, capture_output=True, text=True)
        assert done.returncode == 2
        assert "domain.yaml:1" in done.stderr
        ready = subprocess.run(domain.program(".ready"), check=False, capture_output=True, text=True)
        assert ready.returncode == 2
