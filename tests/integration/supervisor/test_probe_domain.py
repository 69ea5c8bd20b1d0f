"""The probes of the domain, run where the domain runs; each finds what is wrong and says what to do."""

import contextlib
import os
import shutil
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.policy.account import Role
from tests.integration.demo.waiting import eventually
from tests.integration.support_domain import ROOT, possible, start_domain

LOGIN, PASSWORD = "schoolserver-probe", "Kartoffel-Salat7"
PROBES = ("probe_ldap", "probe_dns", "probe_kerberos")
pytestmark = possible


@pytest.fixture(scope="module")
def domain():
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_domain(folder) as made:
            supervisor, auth = connect(made.settings, "supervisor"), connect(made.settings, "auth")
            supervisor.create_account(
                login=LOGIN, uid=20000, given_name="", surname="probe", role=Role.STAFF, display_name="P", hidden=True
            )
            auth.set_password(LOGIN, Secret(PASSWORD), must_change=False)
            made.supervisor, made.auth = supervisor, auth
            # As on a real server: the directory is found where it always is.
            here = folder / "here"
            shutil.copytree(made.settings.folder, here)
            (here / "directory.yaml").write_text("kind: domain\ntimeout: 2 s\n")
            made.here = here
            yield made
            supervisor.close()
            auth.close()
    finally:
        shutil.rmtree(folder)


def says(domain, probe, password=PASSWORD):
    program = str(Path(__file__).with_name("probing.py"))
    done = domain.inside(
        ["/usr/bin/python3", program, str(domain.here), probe, LOGIN], f"{password}\n", {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def all_say(domain):
    with ThreadPoolExecutor(len(PROBES)) as pool:
        return dict(zip(PROBES, pool.map(lambda probe: says(domain, probe), PROBES), strict=True))


@pytest.mark.parametrize("probe", PROBES)
def test_a_domain_that_works_is_right(domain, probe):
    assert says(domain, probe) == "right"


@pytest.mark.parametrize("probe", ["probe_ldap", "probe_kerberos"])
def test_a_password_that_is_not_valid_any_more_is_told_from_a_failure(domain, probe):
    assert says(domain, probe, "Falsch-geraten-1").startswith("wrong password: ")


def test_a_hidden_account_that_somebody_has_closed_is_named(domain):
    domain.supervisor.set_log_on(LOGIN, False)
    try:
        assert says(domain, "probe_kerberos") == (
            "None: Kerberos: the hidden account is closed in the directory; remove it there: it is made anew"
        )
    finally:
        domain.supervisor.set_log_on(LOGIN, True)


def test_a_record_that_somebody_has_removed_is_named_with_the_way_to_have_it_again(domain):
    record = ("127.0.0.1", "schule.example", "_kerberos._tcp", "SRV", "server.schule.example 88 0 100")
    who = ["-U", f"Administrator%{domain.administrator.strip()}"]
    removed = domain.inside(["samba-tool", "dns", "delete", *record, *who])
    assert removed.returncode == 0, removed.stderr
    try:
        said = says(domain, "probe_dns")
        assert said.startswith("None: DNS: _kerberos._tcp does not lead to this server, so that no PC finds it")
        assert "systemctl restart schoolserver-domain" in said
    finally:
        added = domain.inside(["samba-tool", "dns", "add", *record, *who])
        assert added.returncode == 0, added.stderr
    assert says(domain, "probe_dns") == "right"


def test_a_domain_that_hangs_is_silent_and_one_that_is_down_too(domain):
    domain.freeze()
    try:
        silent = all_say(domain)
    finally:
        domain.thaw()
    assert silent["probe_ldap"].startswith("domain: LDAPS: no answer from the directory")
    assert silent["probe_dns"].startswith("None: DNS: no answer; is port 53 taken")
    assert silent["probe_kerberos"].startswith("domain: Kerberos: no answer")
    assert all("journalctl" in said or "ss -l" in said for said in silent.values())
    eventually(lambda: set(all_say(domain).values()) == {"right"})
    domain.kill(signal.SIGKILL)
    try:
        assert {probe: said.partition(":")[0] for probe, said in all_say(domain).items()} == {
            "probe_ldap": "domain",
            "probe_dns": "None",
            "probe_kerberos": "domain",
        }
    finally:
        domain.start()
    eventually(lambda: set(all_say(domain).values()) == {"right"})


def test_the_password_is_in_no_command_line(domain):
    """Everybody on the machine may read those, and root the environment; the domain hangs while we look."""
    domain.freeze()
    try:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(says, domain, "probe_kerberos")
            seen = eventually(lambda: [one for one in told_to_all() if b"kinit\0" in one])
            everything = b"".join(told_to_all())
            domain.thaw()
            answer.result()
    finally:
        domain.thaw()
    assert seen
    assert PASSWORD.encode() not in everything


def told_to_all():
    """Command lines and environments of all processes."""
    for entry in os.scandir("/proc"):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                yield Path(entry.path, name).read_bytes()
