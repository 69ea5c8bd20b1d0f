"""A school that runs by itself: who writes the keys, and what ends what a ticket opened."""

from __future__ import annotations

import contextlib
import imaplib
import os
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.daemon.identities import Identities
from tests.integration.kerberos.clients import Speaker, connect_imap, connect_smtp, show_imap, show_smtp
from tests.integration.kerberos.school import AS_OF_WHEN, FRED, SERVER, SERVICES, entry_of, now
from tests.integration.support_domain_school import DomainSchool, domain_school
from tests.integration.support_place import ROOT
from tests.integration.support_school import QUICK

UNITS = ("audit", "privileged", "auth", "supervisor", "mail", "imap", "proxy")


@pytest.fixture(scope="module")
def school(client_config: None) -> Iterator[DomainSchool]:
    with domain_school(QUICK, UNITS) as found:
        found.bring_in("Import-ID;Vorname;Nachname;Klasse;Rolle\n1;Fred;Mustermann;3a;pupil\n")
        found.when(lambda: all(keytab(found, part).exists() for part in SERVICES))
        reload_dovecot(found)
        yield found


def reload_dovecot(school) -> None:
    """What systemd runs when the supervisor asks for a reload; our own children have none for Dovecot."""
    argv = ["/usr/bin/python3", "-P", "-m", "appliance.mail.imap.reload", "--settings", str(school.settings.folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    school.when(lambda: "AUTH=GSSAPI" in connect_imap(school).capability()[1][0].decode(), 10)


def keytab(school, part) -> Path:
    return school.state / part / "krb5.keytab"


def tickets(school, login=FRED) -> Path:
    cache = school.folder / f"cc-{len(list(school.folder.glob('cc-*')))}"
    for argv in (["kinit", "-c", str(cache), login], ["kvno", "-q", "-c", str(cache), *map(_name, SERVICES.values())]):
        done = school.domain.inside(argv, f"{school.passwords[login]}\n", {"KRB5_CONFIG": "/etc/krb5.conf"})
        assert done.returncode == 0, done.stderr
    return cache


def _name(service):
    return f"{service}/{SERVER}"


def test_the_supervisor_has_the_keys_written(school):
    identities = Identities(school.settings.server)
    for part in SERVICES:
        about = keytab(school, part).stat()
        assert stat.S_IMODE(about.st_mode) == 0o400
        assert (about.st_uid == identities.of(part).uid) == (part != "imap")
        assert (about.st_uid == 0) is False
    row = next(one for one in school.call("status")["checks"] if one["name"] == "tickets")
    assert row["ok"]


def test_a_lock_ends_what_a_ticket_opened(school):
    cache = tickets(school)
    age(school, FRED)
    with contextlib.closing(connect_smtp(school)) as smtp:
        assert show_smtp(smtp, Speaker(cache, "smtp"))[0] == 235
        imap = school.when(lambda: reading(school, cache), 5)
        imap.select("INBOX")
        assert (school.state / "imap" / "krb5.replays").stat().st_size > 0, "Dovecot remembers tokens where we said"
        school.call("users.lock", login=FRED, service=None, until=None, reason="test")
        smtp.sock.settimeout(5)
        assert smtp.getreply()[0] == 421
        school.when(lambda: ended(imap), 5)
        with connect_smtp(school) as again:
            assert show_smtp(again, Speaker(cache, "smtp"))[1].startswith(b"5.7.13 ")
        with pytest.raises(imaplib.IMAP4.error, match="code"):
            show_imap(school, Speaker(cache, "imap"))
        school.call("users.unlock", login=FRED, service=None)
    assert school.when(lambda: reading(school, cache), 5).logout()


def test_a_ticket_ends_with_the_password_with_which_it_was_fetched(school):
    cache, fetched = tickets(school), now()
    with contextlib.closing(connect_smtp(school)) as smtp:
        assert show_smtp(smtp, Speaker(cache, "smtp"))[0] == 235
        school.when(lambda: int(now().timestamp()) > int(fetched.timestamp()), 5)  # tickets know whole seconds
        former = school.passwords[FRED]
        school.choose_password(FRED, former)
        smtp.sock.settimeout(5)
        assert smtp.getreply()[0] == 421
    with connect_smtp(school) as again:
        assert show_smtp(again, Speaker(cache, "smtp"))[1].startswith(b"5.7.8 The password is newer")
    with connect_smtp(school) as again:
        assert show_smtp(again, Speaker(tickets(school), "smtp"))[0] == 235
    with pytest.raises(imaplib.IMAP4.error, match="password was changed"):
        show_imap(school, Speaker(tickets(school), "imap"))
    issued = school.reset(FRED)
    with connect_smtp(school) as again:
        school.when(lambda: show_smtp(again, Speaker(cache, "smtp"))[1].startswith(b"5.7.12 "), 5)
    school.choose_password(FRED, issued)


def reading(school, cache) -> imaplib.IMAP4 | None:
    with contextlib.suppress(imaplib.IMAP4.error):
        return show_imap(school, Speaker(cache, "imap"))
    return None


def ended(imap) -> bool:
    try:
        imap.noop()
    except (imaplib.IMAP4.abort, OSError):
        return True
    return False


def age(school, login) -> None:
    """Let the password of ``login`` be of yesterday."""
    entry = f"CN={login},OU=people,DC=schule,DC=example"
    then = int((now() - timedelta(days=1) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
    change = f"dn: {entry}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: {then}\n"
    entry_of(school.domain, entry, change, AS_OF_WHEN)
    school.when_published("auth", lambda snapshot: (now() - snapshot.accounts[login].password_changed_at).days)
