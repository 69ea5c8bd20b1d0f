"""What may be read by whoever looks after the server, after all that the other tests of this folder did (K16)."""

from tests.integration.services.people import ROOM, ROSTER
from tests.integration.services.school import DOMAIN, School

UNITS = {"audit", "auth", "directory", "fileshare", "imap", "launcher", "mail", "privileged", "proxy", "supervisor"}
OF_NO_PERSON = ("127.0.0.1", ROOM, "@", DOMAIN, "niemand.", "hausaufgaben", "geheimnis", "referat-", "agreed with")


def test_the_journal_names_nobody(school: School) -> None:
    """No login, no name, no address, no file, no reason: whoever signed in, moved bytes, was refused or locked."""
    logs = school.logs()
    assert logs.keys() >= UNITS
    people = [line.split(";")[1:3] for line in ROSTER.splitlines()[1:]]
    telling = [*OF_NO_PERSON, *(surname.lower() for _given, surname in people)]
    telling += [f"{given}.".lower() for given, _surname in people]
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
