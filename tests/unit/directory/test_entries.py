from uuid import UUID

import pytest

from appliance.directory.entries import account_of, group_of, joined
from appliance.directory.link import Entry
from appliance.directory.openldap import OpenLdap
from appliance.directory.tree import Tree
from appliance.policy.account import GroupKind, Role

TREE = Tree("dc=schule,dc=example")
IDENT = "fb36cdf6-79a3-1041-93fa-7b858dffda2e"


def person(login="fred.mustermann", **changed):
    attributes = {
        "entryUUID": IDENT,
        "uid": login,
        "uidNumber": "20000",
        "givenName": "Fred",
        "sn": "Mustermann",
        "displayName": "Fred Mustermann",
        "mail": f"{login}@schule.example",
        "employeeType": "pupil",
    } | changed
    values = {name: [text.encode()] for name, text in attributes.items() if text is not None}
    return Entry(f"uid={login},ou=people,{TREE.base}", values)


def group(name="klasse3a", folder="class", members=(), **changed):
    attributes = {"cn": name, "gidNumber": "30000", "description": "Klasse 3a"} | changed
    values = {name: [text.encode()] for name, text in attributes.items() if text is not None}
    values["member"] = [f"uid={login},ou=people,{TREE.base}".encode() for login in members]
    return Entry(f"cn={name},ou={folder},ou=groups,{TREE.base}", values)


def test_an_account():
    account = account_of(OpenLdap(), person())
    assert (account.uuid, account.login, account.uid) == (UUID(IDENT), "fred.mustermann", 20000)
    assert (account.role, account.hidden, account.groups) == (Role.PUPIL, False, ())


def test_the_servers_own_account():
    account = account_of(OpenLdap(), person(employeeType="probe"))
    assert (account.role, account.hidden) == (Role.STAFF, True)


@pytest.mark.parametrize(
    "foreign",
    [{"employeeType": None}, {"employeeType": "janitor"}, {"uidNumber": None}, {"uid": None}, {"entryUUID": "x"}],
)
def test_an_entry_that_is_none_of_ours(foreign):
    with pytest.raises(ValueError, match=r"."):
        account_of(OpenLdap(), person(**foreign))


@pytest.mark.parametrize("foreign", [{"gidNumber": None}, {"gidNumber": "x"}, {"folder": "printers"}])
def test_a_group_that_is_none_of_ours(foreign):
    with pytest.raises(ValueError, match=r"."):
        group_of(OpenLdap(), TREE, group(**foreign))


@pytest.mark.parametrize("kind", GroupKind)
def test_the_folder_says_the_kind_of_a_group(kind):
    found = group_of(OpenLdap(), TREE, group(folder=kind.value, members=["Fred.Mustermann"]))
    assert (found.group.kind, found.group.gid, found.group.title) == (kind, 30000, "Klasse 3a")
    assert found.members == (f"uid=fred.mustermann,ou=people,{TREE.base}",)


def test_groups_and_members_are_joined():
    entries = [person("b.b"), person("a.a")]
    accounts = {entry.name: account_of(OpenLdap(), entry) for entry in entries}
    groups = [
        group_of(OpenLdap(), TREE, group("y", members=["b.b", "a.a", "gone.away"])),
        group_of(OpenLdap(), TREE, group("x", "club", members=["b.b"])),
    ]
    people, whole = joined(accounts, groups)
    assert {account.login: account.groups for account in people.values()} == {"a.a": ("y",), "b.b": ("x", "y")}
    assert [(one.name, one.members) for one in whole] == [("x", ("b.b",)), ("y", ("a.a", "b.b"))]
