"""The directory is the school's own domain (Samba), on Debian 12 and on Debian 13: what setup made of it, and a day."""

import pytest

from tests.school.box.load import loads
from tests.school.box.school import School

_AT_ONCE = 2.0
_NEW = "Neues+Fenster55"
_EVERYWHERE = """
    pc$ curl -sS --ssl-reqd --user "emma.jaeger:{password}" imap://server.schule.example/
    -> {code}
    pc$ curl -sS --ssl-reqd --user "emma.jaeger:{password}" ftp://server.schule.example/Home/
    -> {code}
    pc$ curl -sS --proxy https://server.schule.example:3129 --proxy-user "emma.jaeger:{password}" \
        -o /dev/null -w '%{{http_code}}\\n' http://www.example.net/
    {web}
"""


@pytest.fixture(params=["domain_school", "next_school"], ids=["bookworm", "trixie"])
def at_domain(request: pytest.FixtureRequest) -> School:
    """A school whose directory is a domain, well."""
    found: School = request.getfixturevalue(request.param)
    found.well()
    return found


def test_setup_has_made_the_domain_and_debian_s_own_samba_is_off(at_domain: School) -> None:
    """The server asks its own domain for names, and others as before; setup once more has nothing to do."""
    at_domain.play("""
        server# systemctl is-active schoolserver-domain.service
        active
        server# systemctl is-active schoolserver-directory.service samba-ad-dc.service smbd.service winbind.service
        ! active
        -> *
        server# grep '^kind' /etc/schoolserver/directory.yaml
        kind: domain
        server# getent ahostsv4 _ldap._tcp.schule.example www.example.net
        192.88.99.1*
        -> *
        server# schoolserver status
        ok  domain *
        server# systemctl --failed --no-legend
        ! *
        server# schoolserver setup --answers /root/answers.yaml
        Nothing changes: everything is as it should be already.
    """)


def test_a_pupil_is_in_the_domain_with_the_number_that_his_home_has(at_domain: School) -> None:
    """The same on every PC (K05)."""
    found = at_domain.server.run(
        "LDAPTLS_CACERT=/etc/schoolserver/ca.pem ldapsearch -LLL -x -H ldaps://localhost"
        " -D administrator@schule.example -y /var/lib/schoolserver/domain/administrator.password"
        " -b ou=people,dc=schule,dc=example"
        " '(uid=emma.jaeger)' sAMAccountName userPrincipalName uidNumber gidNumber"
    )
    lines = dict(line.split(": ", 1) for line in found.splitlines() if ": " in line)
    assert lines["userPrincipalName"] == "emma.jaeger@schule.example"
    assert lines["sAMAccountName"] == "emma.jaeger"
    home = at_domain.server.run("stat -c %u /srv/schoolserver/homes/emma.jaeger").strip()
    assert lines["uidNumber"] == lines["gidNumber"] == home


def test_a_new_password_counts_everywhere_within_two_seconds_and_the_old_one_no_more(at_domain: School) -> None:
    """K04: mail, files and web."""
    old = at_domain.server.environment["EMMA_PASSWORD"]
    for password, after in ((old, _NEW), (_NEW, old)):
        at_domain.play(_EVERYWHERE.format(password=password, code=0, web=200))
        at_domain.server.run("schoolserver passwd emma.jaeger --stdin", stdin=f"{password}\n{after}\n")
        at_domain.comes(_EVERYWHERE.format(password=after, code=0, web=200), within=_AT_ONCE)
        at_domain.play(_EVERYWHERE.format(password=password, code=67, web=407))


def test_a_lock_ends_all(at_domain: School) -> None:
    """K18: open sessions within two seconds, and every service; afterwards everything is as before."""
    password = at_domain.server.environment["EMMA_PASSWORD"]
    sessions = [f"stays {kind} emma.jaeger '{password}'" for kind in ("imap", "ftp")]
    with loads(at_domain.pc, *sessions) as (imap, ftp):
        imap.until("in")
        ftp.until("in")
        at_domain.server.run("schoolserver users lock emma.jaeger --reason 'agreed with the head'")
        imap.until("out", within=_AT_ONCE)
        ftp.until("out", within=_AT_ONCE)
    try:
        at_domain.play(_EVERYWHERE.format(password=password, code=67, web=403))
    finally:
        at_domain.server.run("schoolserver users unlock emma.jaeger")
    at_domain.play(_EVERYWHERE.format(password=password, code=0, web=200))


def test_the_domain_comes_back_from_a_power_cut(at_domain: School) -> None:
    """Nobody has to do anything (from a reboot: ``test_pc``)."""
    at_domain.server.cut_power()
    at_domain.server.boot()
    at_domain.well()
    at_domain.play(_EVERYWHERE.format(password=at_domain.server.environment["EMMA_PASSWORD"], code=0, web=200))
    at_domain.play("""
        server# systemctl --failed --no-legend
        ! *
        server# systemctl is-active schoolserver-domain.service
        active
    """)
