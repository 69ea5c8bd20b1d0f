"""A school that is cut off from the internet: its PCs still get the time (a real chrony) and the school's own names."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.support_domain import ROOT, RunningDomain, possible, start_domain

pytestmark = [
    possible,
    pytest.mark.skipif(not Path("/usr/sbin/chronyd").exists(), reason="the package chrony is not installed"),
]
PASSWORD = "Ziegel-38-Kamm"
CLIENT = str(Path(__file__).with_name("ntp_client.py"))
ASKER = str(Path(__file__).with_name("dns_client.py"))
CUT_OFF = "host: server\ntime_servers: [192.0.2.1]\ndns_forwarders: [192.0.2.53]\n"  # RFC 5737: nobody is there


@pytest.fixture(scope="module")
def domain() -> Iterator[RunningDomain]:
    """A domain with a PC, and its time service, of a school whose way to the internet is gone."""
    files = {"network": "networks: [10.9.0.0/24]\n", "domain": CUT_OFF}
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # chrony goes on as its own user
        with start_domain(Path(folder), **files) as running:
            # A way out on which all is lost, without anybody who says so.
            running.inside(["ip", "neigh", "add", "192.0.2.53", "lladdr", "02:00:00:00:00:01", "dev", "lan"])
            for argv in (("computer", "create", "pc1"), ("user", "setpassword", "pc1$", f"--newpassword={PASSWORD}")):
                done = running.inside(["samba-tool", *argv, f"--configfile={running.place.config}"])
                assert done.returncode == 0, done.stderr
            service = subprocess.Popen(clock(running), stdin=subprocess.DEVNULL)
            try:
                yield running
            finally:
                service.send_signal(signal.SIGTERM)
                service.wait(10)


def clock(domain: RunningDomain) -> list[str]:
    """Return the command line of our program inside; the clock of this machine is not to be set by it."""
    program = ["/usr/bin/python3", "-P", "-m", "appliance.clock", "--settings", str(domain.settings.folder)]
    bounded = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", *program]
    return domain.network.argv(["env", f"PYTHONPATH={ROOT}", *bounded])


def ask(domain: RunningDomain, host: str, *machine: str) -> Any:
    done = domain.inside(["/usr/bin/python3", CLIENT, host, *machine])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_pc_gets_the_servers_time_although_the_uplink_is_gone(domain: RunningDomain) -> None:
    answer = ask(domain, "10.9.0.2")
    assert answer is not None
    assert answer["off"] < 2
    assert answer["stratum"] == 10, "a poor clock, and says so"


def test_an_answer_is_no_larger_than_its_question(domain: RunningDomain) -> None:
    answer = ask(domain, "10.9.0.2")
    assert answer["length"] == answer["asked"] == 48


def test_windows_gets_its_answer_signed_by_the_domain(domain: RunningDomain) -> None:
    argv = ["samba-tool", "computer", "show", "pc1", "--attributes=objectSid", f"--configfile={domain.place.config}"]
    found = re.search(r"objectSid: S-[0-9-]+-(\d+)$", domain.inside(argv).stdout, re.MULTILINE)
    assert found
    answer = ask(domain, "10.9.0.2", found[1], PASSWORD)
    assert answer is not None
    assert answer["signed"], "signed with the PC's own password"
    assert not ask(domain, "10.9.0.2", found[1], f"{PASSWORD}x")["signed"]


def test_nobody_outside_of_the_schools_networks_is_answered(domain: RunningDomain) -> None:
    assert ask(domain, "10.9.0.2") is not None
    domain.inside(["ip", "addr", "add", "203.0.113.7/24", "dev", "lan"])
    assert ask(domain, "203.0.113.7") is None


def test_names_of_the_school_are_answered_while_nobody_answers_for_others(domain: RunningDomain) -> None:
    done = domain.inside(["env", f"PYTHONPATH={ROOT}", "/usr/bin/python3", "-P", ASKER, "200", "100"])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["median"] < 0.05
    assert found["longest"] < 1
    assert found["proxy"]["local"] == ["10.9.0.2"]
    assert found["proxy"]["took"] < 0.9, "it did not wait for the name outside"
    assert found["proxy"]["outside"], "the proxy says that names cannot be looked up, not that there is no such site"


def test_wrong_settings_are_told_by_the_exit_code() -> None:
    argv = ["env", f"PYTHONPATH={ROOT}", "/usr/bin/python3", "-P", "-m", "appliance.clock", "--settings", "/nowhere"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "/nowhere" in done.stderr
