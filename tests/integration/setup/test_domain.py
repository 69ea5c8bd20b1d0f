"""Setup with a domain, an existing directory, and the way from slapd: a machine in a folder, the domain itself real."""

import os
import re
import signal
import socket

import pytest
import yaml

from appliance.daemon.authority import standing
from appliance.settings.load import load
from appliance.setup import resolver
from tests.integration.setup.conftest import ANSWERS, Installed
from tests.integration.support_domain import possible

pytestmark = possible
_WITH_DOMAIN = ANSWERS.replace("backup: schoolbackup-am-see@backup.example\n", "directory: domain\nworkgroup: SEE\n")
_ASKED = "nameserver 10.1.0.1\n"


class WithDomain(Installed):
    """Both packages of directories are there, and a resolver of the machine's own."""

    def __init__(self):
        super().__init__()
        for name in ("domain", "time"):
            (self.places.units / f"schoolserver-{name}.service").touch()
        (self.places.settings / "domain.yaml").write_text("host: server  # this machine's own name is another\n")
        self.places.resolver.write_text(_ASKED)
        self.answers.write_text(_WITH_DOMAIN)

    def answered(self, *arguments, **options):
        done = super().answered(*arguments, **options)
        if "a domain needs it, so end it" in done.stderr and "process" in done.stderr:
            pytest.skip("somebody on this machine has a port that a domain needs")
        return done

    def with_(self):
        return {path.name for path in self.places.state.glob("with-*")}


@pytest.fixture
def machine():
    made = WithDomain()
    yield made
    made.end()


@pytest.fixture(scope="module")
def made():
    """A machine that was set up with a domain; tests leave it so."""
    found = WithDomain()
    try:
        done = found.answered()
        assert done.returncode == 0, done.stdout + done.stderr
        yield found, done.stdout
    finally:
        found.end()


def test_the_domain_is_made_and_certified_before_anything_starts(made):
    machine, said = made
    settings = load(machine.places.settings)
    assert (settings.directory.kind, settings.domain.name, settings.domain.workgroup) == (
        "domain",
        "see.example",
        "SEE",
    )
    folder = settings.server.state / "domain"
    assert (folder / "private" / "sam.ldb").exists()
    assert set(standing(folder / "tls" / "cert.pem").names) == {
        "server.see.example",
        "see.example",
        "localhost",
        "127.0.0.1",
    }
    assert machine.with_() == {"with-domain"}
    assert machine.places.resolver.read_text() == resolver.with_domain(_ASKED)
    assert "PCs join the domain with: schoolserver pcs add" in said
    plan = said.partition("Step 1 of")[0]
    assert "the domain is made\n" in plan
    assert "chrony (schoolserver-time) keeps this machine's clock" in plan
    assert "# this machine's own name is another" in (machine.places.settings / "domain.yaml").read_text()


def test_a_second_time_changes_nothing_and_does_not_make_it_anew(made):
    machine, _ = made
    before = (machine.places.state / "domain" / "made-for").stat().st_ino
    again = machine.answered()
    assert "Nothing changes: everything is as it should be already." in again.stdout, again.stderr
    assert (machine.places.state / "domain" / "made-for").stat().st_ino == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("workgroup: BERG", "the domain was made as see.example, SEE, server, so it stays"),
        ("workgroup: SERVER", "found server and domain both called SERVER"),
        ("directory: slapd", "the accounts are in domain, so it stays; found slapd"),
    ],
)
def test_what_was_made_once_stays(made, changed, said):
    machine, _ = made
    before = machine.tree()
    machine.answers.write_text(yaml.safe_dump(yaml.safe_load(_WITH_DOMAIN) | yaml.safe_load(changed)))
    done = machine.answered()
    machine.answers.write_text(_WITH_DOMAIN)
    assert done.returncode == 2
    assert said in done.stderr
    assert machine.tree() == before


def test_a_domain_that_nobody_was_ever_in_may_be_made_under_another_name(machine):
    """The first setup was cut short before the server was marked as set up."""
    cut = machine.answered(cut=("machine.enable", 1))
    assert cut.returncode == -signal.SIGKILL, cut.stdout + cut.stderr
    assert "see.example, SEE, server" in (machine.places.state / "domain" / "made-for").read_text()
    machine.answers.write_text(_WITH_DOMAIN.replace("workgroup: SEE", "workgroup: BERG"))
    done = machine.answered()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "see.example, BERG, server" in (machine.places.state / "domain" / "made-for").read_text()


@pytest.mark.parametrize(("kind", "port"), [(socket.SOCK_STREAM, 3269), (socket.SOCK_DGRAM, 53)], ids=["TCP", "UDP"])
def test_a_port_that_somebody_has_is_told_before_anything_is_changed(machine, kind, port):
    before = machine.tree()
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.77", port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        done = Installed.answered(machine)
    assert done.returncode == 2
    assert re.search(rf"port {port} \(.+\) is taken by .+ \(process {os.getpid()}", done.stderr)
    assert machine.tree() == before


def test_without_an_answer_it_is_what_is_installed(machine):
    machine.answers.write_text(ANSWERS)
    assert "directory.yaml: kind: domain" in machine.answered("--dry-run").stdout
    (machine.places.units / "schoolserver-domain.service").unlink()
    assert "directory.yaml" not in machine.answered("--dry-run").stdout


def test_why_the_domain_may_need_another_name_is_said_where_it_is_asked(machine):
    words = ["Schule am See", "see.example", "", "", "none", "none", "domain", "ad.see.example", "", "none"]
    done = machine.run("--dry-run", words="\n".join([*words, *("" for _ in range(9))]) + "\n")
    assert "Is the school's web site at a provider" in " ".join(done.stdout.split()), done.stdout + done.stderr
    assert "directory_uri" not in done.stdout
    assert "domain.yaml: name: ad.see.example" in done.stdout


def test_an_existing_directory_needs_a_password_and_has_to_answer(machine):
    """What stands against it is told, and the server is not marked as set up."""
    lines = "directory: ldap\ndirectory_uri: ldaps://127.0.0.1:1\ndirectory_bind: cn=school,dc=town,dc=example\n"
    machine.answers.write_text(ANSWERS + lines)
    done = machine.answered()
    assert done.returncode == 2
    assert "directory_password: nothing is answered" in done.stderr
    (machine.top / "password").write_text("Sonne-Mond-8\n")
    machine.answers.write_text(f"{ANSWERS}{lines}directory_password: {machine.top / 'password'}\n")
    done = machine.answered()
    assert done.returncode == 1
    assert "the existing directory is not as it has to be" in done.stderr
    assert "127.0.0.1" in done.stderr
    assert not machine.places.marker.exists()
    for part in ("supervisor", "auth"):
        path = machine.places.state / part / "directory.password"
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("Sonne-Mond-8", 0o400)
