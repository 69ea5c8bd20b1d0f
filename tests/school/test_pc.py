"""A Linux PC of the school: it joins the domain, and pupils log on at it (K03, K04, K18, K22).

Each scenario goes on where the one before ended: what the PC is told on its first day holds for the next ones.
"""

import csv
import io
import re
from collections.abc import Mapping

import pytest

from tests.integration.demo.waiting import eventually
from tests.school.box import desk
from tests.school.box.layers import ROOT
from tests.school.box.load import Load
from tests.school.box.school import School

_AT_ONCE = 2.0
_SOON = 30.0
_FRED2 = "fred.mustermann2"
_LONG = "anna-lena.mueller-luedenscheidt"
_FIRST, _SECOND = "Rote+Kreide71", "Gruener-Igel_38"
_SERVICES = """
    pc$ curl -sS --proxy https://server.schule.example:3129 --proxy-user "{login}:{password}" \
        -o /dev/null -w '%{{http_code}}\\n' http://www.example.net/
    {web}
    pc$ curl -sS --ssl-reqd --user "{login}:{password}" imap://server.schule.example/
    -> {mail}
    pc$ curl -sS --ssl-reqd --user "{login}:{password}" ftp://server.schule.example/Home/
    -> {mail}
"""
"""The web first: it refuses at once, while Dovecot keeps who comes too early waiting for two seconds."""


@pytest.fixture(scope="module")
def once(joined: School) -> Mapping[str, str]:
    """Login to one-time password."""
    text = joined.server.read("/root/once.csv").decode("utf-8-sig")
    return {row["Login"]: row["Einmalpasswort"] for row in csv.DictReader(io.StringIO(text), delimiter=";")}


@pytest.mark.rather_on("bookworm")
def test_the_handbook_says_how(joined: School) -> None:
    """The commands that the box runs are those of the handbook, and the PC is in the domain."""
    handbook = (ROOT / "docs" / "handbook.md").read_text(encoding="utf-8")
    for line in (f"    sudo schoolserver pcs add {desk.NAME}\n", f"    sudo sh {desk.NAME}.sh\n"):
        assert line in handbook
    joined.play(f"""
        server# schoolserver pcs list
        {desk.NAME}
        desk# adcli testjoin --domain=schule.example
        desk# systemd-analyze cat-config systemd/timesyncd.conf
        NTP=server.schule.example
        desk# sh /root/{desk.NAME}.sh
        {desk.NAME} is a PC of the school*
    """)


@pytest.mark.rather_on("bookworm")
def test_a_password_for_joining_is_good_once(joined: School) -> None:
    joined.play(f"""
        desk# cp /etc/krb5.keytab /root/keytab && rm /etc/krb5.keytab
        desk# sh /root/{desk.NAME}.sh
        *schoolserver pcs add {desk.NAME}
        -> 1
        desk# mv /root/keytab /etc/krb5.keytab && adcli testjoin --domain=schule.example
    """)


def test_names_and_numbers_are_those_of_the_server(joined: School) -> None:
    """K01, K05: the whole login, and the same numbers as the owners of homes and group folders."""
    for login in (_FRED2, _LONG):
        number = joined.server.run(f"stat -c %u /srv/schoolserver/homes/{login}").strip()
        group = joined.server.run("stat -c %g /srv/schoolserver/groups/klasse3a").strip()
        joined.play(f"""
            desk$ id -u {login}
            {number}
            desk$ id -gn {login}
            {login}
            desk$ id {login}
            *{group}(klasse3a)*
        """)


@pytest.mark.rather_on("bookworm")
def test_a_weak_password_is_refused_at_the_pc(joined: School, once: Mapping[str, str]) -> None:
    """K02: he is told the rule, and what is wrong."""
    weak = {
        "Kurz+1": "BAD PASSWORD: The password is shorter than 8 characters",
        "Rotekreide71": "BAD PASSWORD: The password contains less than 1 non-alphanumeric characters",
        "Passwort-2026": "Password change failed. Server message: *",
    }
    for new, reason in weak.items():
        joined.play(f"""
            desk$ log-on {_LONG} {once[_LONG]} --new {new} --new {new}
            Password expired. Change your password now.
            Ein neues Passwort braucht mindestens 8 Zeichen*
            {reason}
            ! -- logged on --
            -> 1
        """)


@pytest.mark.parametrize("login", [_FRED2, _LONG])
def test_the_one_time_password_has_to_be_changed_at_the_pc(joined: School, once: Mapping[str, str], login: str) -> None:
    """K03: also with a login of over 20 characters; mail, files and web take the new password at once."""
    given = {"login": login, "password": once[login]}
    joined.play(_SERVICES.format(**given, mail=67, web=403))
    joined.play(f"""
        desk$ log-on {login} {once[login]} --new {_FIRST} --new {_FIRST} 'klist; id -un'
        -- logged on --
        Default principal: *@SCHULE.EXAMPLE
        *krbtgt/SCHULE.EXAMPLE@SCHULE.EXAMPLE
        {login}
    """)
    joined.comes(_SERVICES.format(login=login, password=_FIRST, mail=0, web=200), within=_AT_ONCE)
    joined.play(f"""
        desk$ log-on {login} {once[login]}
        Login incorrect
        -> 1
        desk$ log-on {login} {_FIRST}
        -- logged on --
    """)


def test_he_changes_his_password_at_the_pc(joined: School) -> None:
    """K04: the old one is refused everywhere within two seconds."""
    joined.play(f"""
        desk$ log-on {_LONG} {_FIRST} --new {_SECOND} passwd
        -- logged on --
        *password updated successfully
    """)
    joined.comes(_SERVICES.format(login=_LONG, password=_SECOND, mail=0, web=200), within=_AT_ONCE)
    joined.comes(_SERVICES.format(login=_LONG, password=_FIRST, mail=67, web=407), within=_AT_ONCE)


@pytest.mark.rather_on("bookworm")
def test_nothing_of_his_is_left_for_the_next(joined: School) -> None:
    """K22: the home is in memory and ends with the session, as does all that he started or left elsewhere."""
    leaves = (
        "cp /etc/passwd letter; touch /tmp/his /var/tmp/his /dev/shm/his; (setsid sleep 1000 &); df --output=fstype ."
    )
    joined.play(f"""
        desk$ log-on {_FRED2} {_FIRST} "{leaves}"
        -- logged on --
        tmpfs
    """)
    number = joined.hosts["desk"].run(f"id -u {_FRED2}").strip()
    joined.comes(
        f"""
        desk# ls /home; find / -xdev -user {number}; find /tmp /dev/shm /run -user {number}; ps -U {number} -o comm=
        -> 1
        ! *
    """,
        within=_AT_ONCE,
    )
    joined.play(f"""
        desk# loginctl enable-linger {_FRED2}
        Could not enable linger*
        -> 1
        desk$ log-on {_FRED2} {_FIRST} "echo '* * * * * true' | crontab -"
        *not allowed*
        -> *
        desk$ log-on {_FRED2} {_FIRST} 'ls'
        ! letter
    """)


@pytest.mark.rather_on("bookworm")
def test_nor_after_a_power_cut(joined: School) -> None:
    """K22; and the PC comes up whole."""
    pc = joined.hosts["desk"]
    work = Load(
        pc, f"log-on {_FRED2} {_FIRST} 'touch letter /var/tmp/his; sync; echo written >/run/user/$(id -u)/done; cat'"
    )
    number = pc.run(f"id -u {_FRED2}").strip()
    joined.comes(f"desk# cat /run/user/{number}/done\nwritten")
    pc.cut_power()
    work.stop()
    pc.boot()
    joined.comes(f"desk# id {_FRED2}", within=_SOON)
    joined.play(f"""
        desk# find / -xdev -user {number}; ls -A /home/{_FRED2}
        ! *
        desk# systemctl --failed --no-legend
        ! *
        desk$ log-on {_FRED2} {_FIRST} 'ls -A'
        -- logged on --
        ! letter
    """)


@pytest.mark.parametrize("which", ["", "--service pc"])
def test_who_is_locked_does_not_log_on(joined: School, which: str) -> None:
    """K18: the whole account, or the PCs alone; unlocked he gets in again."""
    joined.server.run(f"schoolserver users lock {_FRED2} {which} --reason 'agreed with the head'")
    try:
        joined.comes(f"""
            desk$ log-on {_FRED2} {_FIRST}
            Login incorrect
            -> 1
        """)
        joined.play(_SERVICES.format(login=_FRED2, password=_FIRST, mail=0 if which else 67, web=200 if which else 403))
    finally:
        joined.server.run(f"schoolserver users unlock {_FRED2} {which}")
    joined.comes(
        f"""
        desk$ log-on {_FRED2} {_FIRST}
        -- logged on --
    """,
        within=_SOON,
    )


def test_while_the_server_reboots_nobody_logs_on_and_soon_after_everybody_does(joined: School) -> None:
    """As delivered (pcs.yaml: cached_log_ons 0); mail, drives and web are back, and nobody has to do anything."""
    joined.server.shut_down("reboot")
    try:
        joined.play(f"""
            desk$ log-on {_FRED2} {_FIRST}
            ! -- logged on --
            -> 1
        """)
    finally:
        joined.server.boot()
    joined.well()
    joined.comes(
        f"""
        desk$ log-on {_FRED2} {_FIRST} "by_ticket.py lists"
        -- logged on --
        *klasse3a *
    """,
        within=_SOON,
    )
    joined.play(_SERVICES.format(login=_FRED2, password=_FIRST, mail=0, web=200))
    joined.play("""
        server# systemctl --failed --no-legend
        ! *
    """)


@pytest.mark.rather_on("bookworm")
def test_a_pupil_reads_names_and_mail_addresses_and_no_more(joined: School) -> None:
    """K26, with his own ticket from the PC; of groups he reads the names (K05)."""
    search = "ldapsearch -Q -LLL -N -Y GSSAPI -o ldif-wrap=no -H ldap://server.schule.example -b dc=schule,dc=example"
    said = joined.play(f"""
        desk$ log-on {_FRED2} {_FIRST} "{search} '(|(uid=emma.jaeger)(cn=klasse3a))'"
        -- logged on --
        dn: CN=emma.jaeger,OU=people,*
    """)
    entries = said.partition("-- logged on --")[2].splitlines()
    found = {line.partition(":")[0] for line in entries if re.match(r"[A-Za-z-]+:", line)}
    assert {"cn", "displayName", "mail", "uid"} <= found
    assert found <= {
        *("dn", "objectClass", "cn", "sn", "givenName", "displayName", "name", "mail", "uid", "distinguishedName"),
        *("objectGUID", "objectSid", "sAMAccountName", "userPrincipalName"),
    }


def test_who_is_logged_on_is_signed_in(joined: School) -> None:
    """K21: the proxy takes his ticket; without one (here: destroyed) it asks for a password."""
    web = "by_ticket.py asks http://www.example.net/"
    joined.play(f"""
        desk$ log-on {_FRED2} {_FIRST} "{web}"
        -- logged on --
        *Welcome to the internet*
        desk$ log-on {_FRED2} {_FIRST} "kdestroy; {web}"
        -- logged on --
        -> *
        ! *Welcome*
    """)


def test_a_mail_program_signs_in_by_the_ticket(joined: School) -> None:
    """K21, K04: sending at once; reading, where the age of a ticket is not told, not on the day of a new password."""
    letter = f"by_ticket.py sends {_FRED2} {_FRED2}@schule.example"
    joined.play(f"""
        desk$ log-on {_FRED2} {_FIRST} "{letter} && by_ticket.py reads"
        -- logged on --
        *The password was changed today; please sign in with it*
        -> *
        ! Subject*
    """)
    joined.server.copy_in(ROOT / "tests" / "school" / "box" / "yesterday.py", "/root/yesterday.py")
    joined.server.run(f"/usr/bin/python3 /root/yesterday.py {_FRED2}")
    joined.comes(
        f"""
        desk$ log-on {_FRED2} {_FIRST} "by_ticket.py reads"
        -- logged on --
        Subject: by ticket
        desk$ log-on {_FRED2} {_FIRST} "kdestroy; by_ticket.py reads"
        -- logged on --
        -> *
        ! Subject*
    """,
        within=_SOON,
    )


@pytest.mark.soak
def test_cached_log_ons_if_the_school_wants_them(joined: School, once: Mapping[str, str]) -> None:
    """pcs.yaml: cached_log_ons. Cut from the server the PC knows of no lock; once it is back, the lock holds."""
    joined.server.run("printf 'cached_log_ons: 1\\n' >/etc/schoolserver/pcs.yaml && schoolserver reload")
    desk.join(joined.hosts["desk"], joined.server)
    joined.play(f"""
        desk$ log-on {_FRED2} {_FIRST}
        -- logged on --
    """)
    joined.server.run(f"schoolserver users lock {_FRED2} --reason 'agreed with the head'")
    try:
        joined.comes(f"""
            desk$ log-on {_FRED2} {_FIRST}
            Login incorrect
            -> 1
        """)
        joined.server.run("systemctl stop schoolserver-domain.service")
        joined.play(f"""
            desk$ log-on {_FRED2} {_FIRST}
            Authenticated with cached credentials*
            -- logged on --
            desk$ log-on {_FRED2} {_SECOND}
            Login incorrect
            -> 1
            desk$ log-on emma.jaeger {once["emma.jaeger"]}
            ! -- logged on --
            -> 1
        """)
        joined.server.run("systemctl start schoolserver-domain.service")
        refused = f"""
            desk$ log-on {_FRED2} {_FIRST}
            Login incorrect
            -> 1
        """
        joined.comes(refused, within=_SOON)
    finally:
        joined.server.run("systemctl start schoolserver-domain.service; rm -f /etc/schoolserver/pcs.yaml")
        joined.server.run(f"schoolserver reload; schoolserver users unlock {_FRED2}")
    eventually(lambda: joined.play(f"desk$ log-on {_FRED2} {_FIRST}"), _SOON, "log-on")


@pytest.mark.rather_on("bookworm")
def test_a_pc_that_left_lets_nobody_in(joined: School) -> None:
    joined.server.run(f"schoolserver pcs remove {desk.NAME}")
    joined.play("""
        desk# systemctl restart sssd.service
        desk# adcli testjoin --domain=schule.example
        -> *
        ! *successfully*
    """)
    desk.join(joined.hosts["desk"], joined.server)
    joined.comes(f"desk$ log-on {_LONG} {_SECOND}", within=_SOON)
