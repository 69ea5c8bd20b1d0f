"""What a unit uses, where systemd keeps it in a group of its own and where it does not."""

import os

import pytest

from appliance.supervisor.figures import Processes

MB = 2**20


@pytest.fixture
def machine(tmp_path):
    """Measures the unit ``domain``, which is this process, with this ``/proc/PID/cgroup`` and ``memory.stat``."""

    def measured(line, stat=f"anon {90 * MB}\nfile {800 * MB}\nshmem {5 * MB}\n"):
        process, group = (
            tmp_path / "proc" / str(os.getpid()),
            tmp_path / "groups/system.slice/schoolserver-domain.service",
        )
        for folder in (process, group):
            folder.mkdir(parents=True, exist_ok=True)
        (process / "cgroup").write_text(line)
        (group / "memory.stat").write_text(stat)
        return Processes(tmp_path / "proc", tmp_path / "groups").measure({"domain": os.getpid()})["domain"].memory

    return measured


def test_a_unit_of_systemd_holds_what_its_group_holds_each_page_once(machine):
    """Forty processes of Samba share nearly all that they have; files are no memory of theirs."""
    assert machine("0::/system.slice/schoolserver-domain.service\n") == 95 * MB
    assert machine("1:name=systemd:/x\n0::/system.slice/schoolserver-domain.service\n") == 95 * MB


@pytest.mark.parametrize(
    "line", ["0::/user.slice/session-1.scope\n", "0::/system.slice/schoolserver-mail.service\n", ""]
)
def test_elsewhere_it_is_what_is_resident(machine, line):
    assert 5 * MB < machine(line) != 95 * MB


@pytest.mark.parametrize("stat", ["", "anon\n", "anon many\nshmem 1\n", "file 5\n"])
def test_a_group_that_cannot_be_read_is_passed_over(machine, stat):
    assert machine("0::/system.slice/schoolserver-domain.service\n", stat) > 5 * MB


def test_this_machines_own_groups_can_be_read():
    assert Processes().measure({"tests": os.getpid()})["tests"].memory > 5 * MB
