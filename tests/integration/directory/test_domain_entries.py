"""What stands in the domain's entries for others to read: short names, names for sign-in, numbers; and large groups."""

import contextlib

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import connect
from appliance.directory.errors import AlreadyExists, DirectoryRefused
from appliance.directory.link import Link
from appliance.directory.names import equals
from appliance.directory.trust import Trust
from appliance.policy.account import GroupKind, Role
from tests.integration.directory.conftest import KINDS

GOOD = Secret("Schöner-Tag-7")
BASE = "dc=schule,dc=example"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"

pytestmark = pytest.mark.parametrize("shared", KINDS[1:], indirect=True)


@contextlib.contextmanager
def line(school, name, password):
    """A connection of somebody else; the answer to its bind beside it."""
    settings = school.server.settings
    link = Link(settings.directory.uri, 10, Trust(settings.folder / "ca.pem"))
    try:
        yield link, link.bind(name, password)
    finally:
        link.close()


@contextlib.contextmanager
def administrator(school):
    with line(school, "Administrator@schule.example", school.server.administrator) as (link, answer):
        assert answer.code == 0
        yield link


def entry(school, condition, *attributes):
    with administrator(school) as link:
        (found,) = link.search(BASE, condition, attributes)
        return {name: found.attributes.get(name, []) for name in attributes}


@pytest.mark.parametrize(
    ("login", "short"),
    [
        ("fritz.kurz", b"fritz.kurz"),
        ("maximilian.mustermann-schmidt", b"maximilian.must-e4c5"),
        ("a*b.c", b"ab.c-vt24"),
    ],
)
def test_an_account_as_pcs_know_it(shared, login, short):
    shared.account(login)
    shared.auth.set_password(login, GOOD, must_change=False)
    wanted = ("sAMAccountName", "uid", "uidNumber", "gidNumber", "unixHomeDirectory", "loginShell")
    found = entry(shared, equals("userPrincipalName", f"{login}@schule.example"), *wanted, "userAccountControl")
    number = str(shared.supervisor.find(login).uid).encode()
    assert found["sAMAccountName"] == [short]
    assert (found["uid"], found["uidNumber"], found["gidNumber"]) == ([login.encode()], [number], [number])
    assert found["loginShell"] == [b"/bin/bash"]
    assert found["unixHomeDirectory"] == [str(shared.server.settings.server.data / "homes" / login).encode()]
    assert found["userAccountControl"] == [b"512"]
    for name in (f"{login}@schule.example", f"SCHULE\\{short.decode()}"):
        with line(shared, name, GOOD.reveal()) as (_, answer):
            assert answer.code == 0, name
    shared.supervisor.remove_account(login)


def test_whoever_has_no_password_yet_gets_in_nowhere(shared):
    shared.account("neu.hier")
    for password in ("neu.hier", " ", "x"):
        with line(shared, "neu.hier@schule.example", password) as (_, answer):
            assert answer.code == 49
    found = shared.supervisor.find("neu.hier")
    assert (found.must_change, found.password_changed_at) == (False, None)
    shared.auth.set_password("neu.hier", GOOD, must_change=True)
    found = shared.supervisor.find("neu.hier")
    assert (found.must_change, found.password_changed_at) == (True, None)


def test_short_names_are_there_once_over_accounts_and_groups(shared):
    shared.group("paul.chor", GroupKind.CLUB)
    with pytest.raises(AlreadyExists, match="short name is taken"):
        shared.account("paul.chor")
    with pytest.raises(AlreadyExists, match="short name is taken"):
        shared.group("Administrator", GroupKind.CLUB)
    with pytest.raises(AlreadyExists, match="short name is taken"):
        shared.account("krbtgt")


def test_a_password_that_k02_forbids_is_refused_by_the_domain_itself(shared):
    shared.account("wort.schwach")
    for weak in ("Kurz-7a", "nur-klein-geschrieben-7", "Wort.Schwach-1", "Passwort-123"):
        with pytest.raises(DirectoryRefused) as refused:
            shared.auth.set_password("wort.schwach", Secret(weak), must_change=False)
        assert weak not in str(refused.value)


def test_refusals_name_nobody(shared):
    """They reach the journal."""
    names = {"given_name": "Geheim", "surname": "Nachname", "role": Role.PUPIL}
    with pytest.raises(DirectoryRefused) as refused:
        shared.supervisor.create_account(login="geheim@login", uid=next(shared.numbers), **names)
    assert "geheim" not in str(refused.value).lower()
    shared.account("geheim.eintrag")
    with pytest.raises(DirectoryRefused) as refused:
        shared.auth.update_account("geheim.eintrag", surname="Anders")
    assert "geheim" not in str(refused.value).lower()


def test_a_number_is_given_once(shared):
    shared.account("nummer.eins")
    number = shared.supervisor.find("nummer.eins").uid
    shared.supervisor.remove_account("nummer.eins")
    shared.account("nummer.zwei")
    assert shared.supervisor.find("nummer.zwei").uid != number


def test_values_given_in_parts_are_put_together(shared):
    """Windows gives 1,500 members at a time; Samba does when it is asked to."""
    shared.group("teile")
    logins = [shared.account(f"teil.nr{number}") for number in range(5)]
    shared.supervisor.add_members("teile", logins)
    with administrator(shared) as link:
        (found,) = link.search(GROUPS, "(cn=teile)", ["member;range=0-1", "cn"])
    assert len(set(found.attributes["member"])) == 5
    assert found.attributes["cn"] == [b"teile"]


def test_two_supervisors_at_once_give_no_number_twice(shared):
    other = connect(shared.server.settings, "supervisor")
    shared.account("doppelt.eins")
    taken = shared.supervisor.find("doppelt.eins").uid
    with pytest.raises(AlreadyExists, match="numeric id"):
        other.create_account(login="doppelt.zwei", uid=taken, given_name="D", surname="Z", role=Role.PUPIL)
    with pytest.raises(AlreadyExists, match="numeric id"):
        gid = next(shared.numbers)
        other.create_group(name="doppelt3", kind=GroupKind.CLASS, gid=gid)
        other.create_group(name="doppelt4", kind=GroupKind.CLASS, gid=gid)
    other.close()
