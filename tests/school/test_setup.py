"""The first day: packages that wait for setup, a setup that may be cut at any moment, and a way back."""

import random
import re
from collections.abc import Iterator

import pytest

from tests.school.box import furnishing
from tests.school.box.host import Host
from tests.school.box.load import Load
from tests.school.box.school import School, hosts
from tests.school.test_power import SEED

_SETUP = "schoolserver setup --answers /root/answers.yaml"
_LEFT_LOCK = "/var/lib/dovecot/instances.lock"
"""Debian's own Dovecot waits ten seconds for it, if the power went while it started."""
_EMMA = "Gelbe+Tafel82"
_OURS = "-path '*schoolserver*' -not -path '/root/*' -not -path '/proc/*' -not -path '/var/log/*'"


@pytest.fixture(scope="module")
def new_server(_built: None) -> Iterator[School]:
    """A server on which our packages are installed, and no more."""
    with hosts("bookworm", ("origin", "pc", "server")) as booted:
        furnishing.install(booted["server"])
        furnishing.answer(booted["server"])
        yield School(booted)


def test_nothing_of_ours_runs_before_setup(new_server: School) -> None:
    new_server.server.reboot()
    new_server.play("""
        server# systemctl list-units --no-legend --state=running,listening,active 'schoolserver-*'
        ! *
        server# systemctl --failed --no-legend
        ! *
        server# systemctl is-active dovecot slapd
        active
        active
        server# schoolserver status
        *schoolserver setup*
        -> 1
        pc$ curl -sS ftp://server.schule.example/
        -> 7
    """)


def test_a_dry_run_changes_nothing(new_server: School) -> None:
    new_server.play(f"""
        server# {_SETUP} --dry-run
        Nothing was changed*
        server# ls /etc/schoolserver
        -> *
        ! *
    """)


def test_setup_goes_on_after_a_power_cut_at_any_step(new_server: School) -> None:
    """Cuts at five of its nine steps, each later than the one before; then it is run once more, and all is well."""
    server = new_server.server
    for step in sorted(random.Random(SEED).sample(range(1, 10), 5)):
        running = Load(server, _SETUP)
        running.until(f"Step {step} of 9")
        server.cut_power()
        running.stop()
        server.remove(_LEFT_LOCK)
        server.boot()
        assert "0 loaded units" in server.run("systemctl --failed"), f"seed {SEED}, cut at step {step}"
    server.run(_SETUP, timeout=240)
    new_server.play("""
        server# schoolserver status
        *nothing is blocked*
        -> 1
    """)
    furnishing.fetch_lists(server)
    new_server.well()


def test_setup_once_more_has_nothing_to_do(new_server: School) -> None:
    pids = new_server.server.run("systemctl show --property=MainPID 'schoolserver-*.service'")
    new_server.play(f"""
        server# {_SETUP}
        Nothing changes: everything is as it should be already.
    """)
    assert new_server.server.run("systemctl show --property=MainPID 'schoolserver-*.service'") == pids


def test_the_school_moves_from_slapd_into_the_domain(new_server: School) -> None:
    """With a power cut on the way: until the last account is over there slapd serves, and nothing is lost."""
    server = new_server.server
    once = furnishing.take_in(server)
    server.run("schoolserver passwd emma.jaeger --stdin", stdin=f"{once['emma.jaeger']}\n{_EMMA}\n")
    server.run("schoolserver users lock mia.vogel --reason 'agreed with the head'")
    before = _people(server)
    furnishing.answer(server, directory="domain")
    running = Load(server, _SETUP)
    running.until("Step 6 of", within=120)
    server.cut_power()
    running.stop()
    server.remove(_LEFT_LOCK)
    server.boot()
    new_server.well()
    assert _people(server) == before
    server.run("schoolserver passwd emma.jaeger --stdin", stdin=f"{_EMMA}\n{_EMMA}7\n")
    assert "schoolserver users first-passwords" in server.run(_SETUP, timeout=240)
    new_server.well()
    assert _people(server) == before
    new_server.play("""
        server# systemctl is-active schoolserver-domain.service
        active
        server# systemctl is-active schoolserver-directory.service schoolserver-ldap-port.socket
        ! active
        -> *
        server# schoolserver users show mia.vogel
        state: locked
        server# schoolserver users first-passwords --passwords /root/new.csv
        60 one-time passwords are in /root/new.csv*
    """)
    given = furnishing.handed_out(server, "/root/new.csv")["emma.jaeger"]
    refused = server.attempt("schoolserver passwd emma.jaeger --stdin", stdin=f"{_EMMA}7\n{_EMMA}8\n")
    assert "The old password is not right" in refused.said or "alte" in refused.said, refused.said
    server.run("schoolserver passwd emma.jaeger --stdin", stdin=f"{given}\n{_EMMA}7\n")


def _people(server: Host) -> list[list[str]]:
    """Login, name, role and groups of each; how it stands with his password is another matter."""
    return [re.split(r"\s{2,}", line)[:4] for line in server.run("schoolserver users list").splitlines()[1:]]


def test_purge_leaves_the_data_and_nothing_else(new_server: School) -> None:
    """It says where the data are; Debian's own engines are what they were."""
    new_server.play(
        """
        server# mkdir -p /srv/schoolserver/homes/somebody && touch /srv/schoolserver/homes/somebody/letter
        server# apt-get -y -q purge 'schoolserver*'
        */srv/schoolserver*
        server# test -e /srv/schoolserver/homes/somebody/letter
        server# systemctl daemon-reload; systemctl list-unit-files --no-legend 'schoolserver*'
        ! *
        -> *
        """,
        timeout=240,
    )
    assert "127.0.0.1" not in new_server.server.run("cat /etc/resolv.conf"), "names are asked for as before"
    left = new_server.server.run(f"find / -xdev {_OURS} -not -path '/srv/schoolserver*' -print").split()
    assert left == []
