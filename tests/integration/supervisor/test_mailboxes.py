"""What becomes of the mailbox when its account is gone, in a running school with mail and Dovecot (K23, K24)."""

import contextlib
import imaplib
import os
import smtplib
import ssl
from pathlib import Path

import pytest

from appliance.directory.client import connect
from appliance.policy.account import Role
from tests.integration.support_school import ACCOUNTS, QUICK, running

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="homes belong to their ids only where root makes them")
PASSWORD = "Neues-Kennwort-7!"
ANNA, FRED, JUERGEN = "anna.lehmann", "fred.mustermann", "juergen.gross"
SETTINGS = {**QUICK, "access": {"modules": {"files": "off", "web": "off"}, "consents": {"mail": []}}}


@pytest.fixture(scope="module")
def school():
    with running(SETTINGS, (*ACCOUNTS, "mail", "imap")) as made:
        for login, password in made.take_in()[1].items():
            assert made.change_password(login, password, PASSWORD)["answer"] == "changed"
        yield made


@pytest.fixture
def directory(school):
    with contextlib.closing(connect(school.settings, "supervisor")) as made:
        yield made


def trusting(school):
    context = ssl.create_default_context(cafile=school.ca)
    context.check_hostname = False
    return context


def write(school, login, subject):
    """A letter of Anna's."""
    address = school.settings.network.listen["submission"]
    with smtplib.SMTP(address.host, address.port, timeout=10) as client:
        client.starttls(context=trusting(school))
        client.login(ANNA, PASSWORD)
        head = f"From: {ANNA}@schule.example\r\nTo: {login}@schule.example\r\nSubject: {subject}\r\n"
        client.sendmail(f"{ANNA}@schule.example", [f"{login}@schule.example"], f"{head}\r\nText\r\n")


def signed_in(school, login):
    address = school.settings.network.listen["imap"]
    client = imaplib.IMAP4(address.host, address.port, timeout=10)
    client.starttls(trusting(school))
    client.login(login, PASSWORD)
    return client


def subjects(client, folder="INBOX"):
    assert client.select(folder, readonly=True)[0] == "OK"
    _, found = (
        client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])") if client.search(None, "ALL")[1][0] else (0, [])
    )
    return [one[1].split(b":", 1)[1].strip().decode() for one in found if isinstance(one, tuple)]


def read(school, login, folder="INBOX"):
    client = signed_in(school, login)
    try:
        return subjects(client, folder)
    finally:
        client.logout()


def former(school):
    return [(one["kind"], one["name"]) for one in school.call("folders.list")["former"]]


def boxes(school):
    return {path.name for path in (school.data / "mail").iterdir()}


def person(directory, login, uid):
    directory.create_account(login=login, uid=uid, given_name="A", surname="B", role=Role.PUPIL)


def let_in(school, login, uid):
    """Let the account of this number choose his password, once it is known everywhere."""
    school.when_published("mail", lambda snapshot: login in snapshot.accounts)
    school.when(lambda: school.home(login).exists() and school.home(login).stat().st_uid == uid)
    assert school.change_password(login, school.reset(login), PASSWORD)["answer"] == "changed"


def test_it_goes_with_the_account_a_namesake_never_gets_it_and_it_comes_back(school, directory):
    uid = school.home(FRED).stat().st_uid
    write(school, FRED, "for the first")
    session = signed_in(school, FRED)
    assert subjects(session) == ["for the first"]
    directory.remove_account(FRED)
    school.when(lambda: former(school) == [("home", FRED), ("mail", FRED)])
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        school.when(lambda: session.noop()[0] != "OK")
    assert FRED not in boxes(school)
    person(directory, FRED, 48001)
    let_in(school, FRED, 48001)
    assert read(school, FRED) == []
    write(school, FRED, "for the second")
    assert read(school, FRED) == ["for the second"]
    directory.remove_account(FRED)
    person(directory, FRED, uid)
    let_in(school, FRED, uid)
    assert read(school, FRED) == ["for the first"]
    assert former(school) == [("home", FRED), ("mail", FRED)]
    assert school.call("folders.remove", which="48001")["kinds"] == ["home", "mail"]
    school.when(lambda: not [name for name in boxes(school) if name.startswith((".former", ".removed"))])
    assert ".tmp" in boxes(school)
    assert read(school, FRED) == ["for the first"]
    assert FRED not in "".join(school.logs().values())


def test_it_is_given_to_the_new_account_of_the_same_person(school, directory):
    write(school, JUERGEN, "still wanted")
    session = signed_in(school, JUERGEN)
    assert session.create("Sent")[0] == "OK"
    session.append("Sent", None, None, b"Subject: mine\r\n\r\nText\r\n")
    session.logout()
    directory.remove_account(JUERGEN)
    person(directory, "juergen.klein", 48002)
    let_in(school, "juergen.klein", 48002)
    school.when(lambda: ("mail", JUERGEN) in former(school))
    given = school.call("folders.give", which=JUERGEN, to="juergen.klein")
    assert (given["folder"], given["mail"]) == ("Former-juergen.gross", "Former-juergen_gross")
    client = signed_in(school, "juergen.klein")
    _, listed = client.list()
    separator = listed[0].split(b'"')[1].decode()
    assert subjects(client, "Former-juergen_gross") == ["still wanted"]
    assert subjects(client, f"Former-juergen_gross{separator}Sent") == ["mine"]
    client.logout()
    assert former(school) == []


def test_one_that_an_older_removal_left_is_found_listed_and_removed(school):
    box: Path = school.mailbox("ben.voss")
    (box / "new").mkdir(parents=True)
    (box / "new" / "1.M1P1Q1.host,S=5,W=5").write_text("hello")
    owner = (school.data / "mail").stat()
    os.chown(box, owner.st_uid, owner.st_gid)
    school.call("folders.tidy")
    (one,) = school.call("folders.list")["former"]
    assert (one["kind"], one["name"], one["id"]) == ("mail", "ben.voss", 0)
    row = next(one for one in school.call("status")["checks"] if one["name"] == "folders")
    assert "1 put aside" in row["text"]
    assert "ben.voss" not in row["text"]
    assert school.call("folders.remove", which="ben.voss")["kinds"] == ["mail"]
    assert former(school) == []
