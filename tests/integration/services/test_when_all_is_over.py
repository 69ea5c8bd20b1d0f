"""What may be read by whoever looks after the server, after all that the other tests of this folder did (K16)."""

from tests.integration.services.conftest import Visit
from tests.integration.services.drivers_web import Web
from tests.integration.services.people import CLOSED_SITE, OWN, ROOM, ROSTER
from tests.integration.support_place import DOMAIN
from tests.integration.support_school import School

UNITS = {
    "audit",
    "auth",
    "autoconfig",
    "directory",
    "fileshare",
    "imap",
    "launcher",
    "mail",
    "outbound",
    "privileged",
    "proxy",
    "supervisor",
}
OF_NO_PERSON = ("127.0.0.1", ROOM, "@", DOMAIN, "niemand.", "hausaufgaben", "geheimnis", "referat-", "agreed with")


def test_the_journal_names_nobody(school: School, visit: Visit) -> None:
    """No login, name, address, file, reason, site, password: whoever signed in, moved bytes, was refused or locked."""
    assert visit(Web, OWN["web"]).look_at(f"www.{CLOSED_SITE}").startswith("403 This is not open ")
    logs = school.logs()
    assert logs.keys() >= UNITS
    people = [line.split(";")[1:3] for line in ROSTER.splitlines()[1:]]
    telling = [*OF_NO_PERSON, *(surname.lower() for _given, surname in people)]
    telling += [f"{given}.".lower() for given, _surname in people]
    telling += [CLOSED_SITE, *(password.lower() for password in school.passwords.values())]
    found = {
        f"{unit}: {line}"
        for unit, text in logs.items()
        for line in text.splitlines()
        if any(word in line.lower() for word in telling)
    }
    assert sorted(found) == []


def test_nothing_broke_on_the_way(school: School) -> None:
    """A refusal is no error of ours."""
    assert [unit for unit, text in school.logs().items() if "Traceback" in text] == []
