"""What the journals know of people: nothing. Runs when all other scenarios have left their traces (K14, K16)."""

import re

import pytest

from tests.school.box.furnishing import PEOPLE
from tests.school.box.school import School

_SECRETS = (
    *(word for person in PEOPLE.values() for word in (person.login, person.password)),
    *("Mustermann", "Jäger", "Lehmann", "Vogel", "Referat", "Brief.txt", "Hausaufgaben", "Geheimnis"),
    *("10.88.12.1", "10.88.20.1", "example.net", "klasse3a", "@box"),
)


@pytest.mark.last
def test_no_journal_tells_who_did_what(at_school: School) -> None:
    """After right and wrong sign-ins to every engine, a file, a letter, a page, a lock, a restore."""
    at_school.play("""
        pc$ curl -sS --ssl-reqd --user fred.mustermann:Geheimnis imap://server.schule.example/
        -> 67
        pc$ curl -sS --ssl-reqd --user fred.mustermann:Geheimnis ftp://server.schule.example/Home/
        -> 67
        pc$ curl -sS --proxy https://server.schule.example:3129 --proxy-user fred.mustermann:Geheimnis http://www.example.net/Geheimnis
        pc$ swaks --server server.schule.example:587 --tls --auth PLAIN --auth-user fred.mustermann \
            --auth-password Geheimnis --to erika.lehmann@schule.example
        -> 28
        server# ldapwhoami -x -H ldap://127.0.0.1 -D uid=$FRED_LOGIN,ou=people,dc=schule,dc=example -w Geheimnis
        -> 49
        server# ldapwhoami -x -H ldap://127.0.0.1 -D uid=$FRED_LOGIN,ou=people,dc=schule,dc=example -w "$FRED_PASSWORD"
        pc$ curl -sS --ssl-reqd --user "$FRED" imap://server.schule.example/
        pc$ curl -sS --ssl-reqd --user "$FRED" ftp://server.schule.example/Home/
        tablet$ curl -sS --proxy https://server.schule.example:3129 --proxy-user "$FRED" http://www.example.net/Geheimnis
    """)
    at_school.server.run("cd /root && rm -f report.tar.gz && schoolserver report --out report.tar.gz", timeout=120)
    found = {"report": _telling(at_school.server.run("tar -xzOf /root/report.tar.gz"))}
    for unit in ("mail", "imap", "fileshare", "proxy", "directory", "auth", "supervisor"):
        assert at_school.server.journal(f"--unit=schoolserver-{unit}"), f"{unit} has a journal"
    for name, host in at_school.hosts.items():
        if name == "origin":  # the internet is nobody's promise
            continue
        found[name] = _telling(host.journal())
    assert not any(found.values()), found


def test_what_tells_is_found() -> None:
    told = "one line\nFred.Mustermann signed in\nfrom 10.88.12.1\n"
    assert _telling(told) == ["Fred.Mustermann signed in", "from 10.88.12.1"]


def _telling(text: str) -> list[str]:
    """The lines that speak of somebody, or of what he did."""
    return [line for line in text.splitlines() if any(re.search(re.escape(word), line, re.I) for word in _SECRETS)]
