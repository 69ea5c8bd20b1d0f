"""The running domain: where it listens, whom it is believed by, what it says, and what is left after a crash."""

import re
import socket
import ssl
import subprocess

from appliance.daemon.authority import ensure_authority, issue
from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, connect
from appliance.policy.account import Role
from tests.integration.support_domain import RunningDomain, possible, start_domain

pytestmark = possible
PASSWORD = "Kamu-tibo-472"


def certificate(domain: RunningDomain, name: str) -> bytes | None:
    """The certificate that it shows to somebody who asks for ``name`` and trusts the school's authority alone."""
    context = ssl.create_default_context(cafile=str(domain.settings.folder / "ca.pem"))
    with socket.create_connection(domain.address) as plain, context.wrap_socket(plain, server_hostname=name) as line:
        return line.getpeercert(binary_form=True)


def test_it_listens_where_it_shall_and_is_whole_after_a_crash(short):
    with start_domain(short, domain="host: server\ninterfaces: [lan]\n") as domain:
        listening = domain.inside(["ss", "-ltnH"]).stdout.split()[3::5]
        assert {one.rpartition(":")[0] for one in listening} <= {"127.0.0.1", "10.9.0.2", "[::1]"}
        assert {"10.9.0.2:636", "127.0.0.1:636", "10.9.0.2:445", "10.9.0.2:88"} <= set(listening)

        supervisor, auth = connect(domain.settings, "supervisor"), connect(domain.settings, "auth")
        supervisor.create_account(login="fred", uid=20000, given_name="Fred", surname="Muster", role=Role.PUPIL)
        auth.set_password("fred", Secret(PASSWORD), False)
        before = certificate(domain, domain.place.fqdn)
        authority = ensure_authority(domain.place.authority.parent, domain.settings.school.domain)
        (domain.place.tls / "pair.pem").unlink()
        assert issue(authority, domain.place.tls, (domain.place.fqdn, "127.0.0.1"))

        domain.kill()
        domain.start()
        assert certificate(domain, domain.place.fqdn) not in (before, None)
        assert auth.check("fred", Secret(PASSWORD)) is Checked.GOOD
        assert [account.login for account in supervisor.read().accounts] == ["fred"]
        supervisor.close()
        auth.close()


def test_it_is_believed_under_its_names(school):
    for name in ("server.schule.example", "schule.example", "localhost", "127.0.0.1"):
        assert certificate(school.domain, name)


def test_no_simple_bind_in_clear(school):
    """K06: a password that crosses the network in clear is refused, even the right one."""
    school.give("fred.muster", PASSWORD)
    code = (
        "import ldap3, sys; line = ldap3.Connection(ldap3.Server('server', get_info=ldap3.NONE), *sys.argv[1:]);"
        "line.bind(); print(line.result['description'])"
    )
    argv = ["/usr/bin/python3", "-W", "ignore", "-c", code, "fred.muster@schule.example", PASSWORD]
    assert school.domain.inside(argv).stdout == "strongerAuthRequired\n"


def test_nothing_that_it_says_names_a_person(school):
    """Journal and log: after right and wrong passwords by every door, refused ones, and a fetched policy."""
    domain = school.domain
    school.give("fred.muster", PASSWORD)
    for word in (PASSWORD, "Wrong-word-1"):
        school.auth.check("fred.muster", Secret(word))
        domain.inside(["kinit", "fred.muster"], f"{word}\n")
        domain.inside(["smbclient", "-U", f"fred.muster%{word}", "//server/sysvol", "-c", "ls"])
        domain.inside(["smbclient", "-U", f"no.body%{word}", "//server/sysvol", "-c", "ls"])
    domain.inside(["kpasswd", "fred.muster"], f"{PASSWORD}\nFred.Muster-1\nFred.Muster-1\n")
    said = school.log.read_bytes() + b"".join(one.read_bytes() for one in domain.place.runtime.glob("*.log*"))
    assert b"samba version" in said
    assert not re.search(rb"fred|muster|no\.body|10\.9\.0\.2|Kamu|Wrong-word", said, re.IGNORECASE), said


def test_what_it_costs_at_rest(school):
    """Its processes share most of what they have; what each has of its own adds up to this."""
    assert sum(map(_private, school.domain.pids())) < 250 << 20


def _private(pid: int) -> int:
    """Bytes that only the process ``pid`` has."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Private_"))


def test_ready_says_so(school):
    done = subprocess.run(school.domain.program(".ready"), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
