from pathlib import Path

import appliance.directory
from appliance.directory.schema import ACTIVE_DIRECTORY, OPENLDAP, Field
from appliance.directory.tree import Tree
from appliance.policy.account import GroupKind
from appliance.settings.directory import RENAMED

NOT_IN_OPENLDAP = {Field.SHELL, Field.SHORT_NAME, Field.PRINCIPAL, Field.LOG_ON, Field.PASSWORD_VERSION}


def test_every_field_has_a_name_in_both_columns():
    assert all(ACTIVE_DIRECTORY[field] for field in Field)
    kept = [OPENLDAP[field] for field in Field if field in OPENLDAP]
    assert {field for field in Field if field not in OPENLDAP} == NOT_IN_OPENLDAP
    assert len(set(kept)) == len(kept)


def test_names_to_ask_for():
    wanted = (Field.LOGIN, Field.PASSWORD_CHANGED, Field.MUST_CHANGE, Field.LOG_ON)
    assert ACTIVE_DIRECTORY.names(wanted) == ("uid", "pwdLastSet", "logonHours")
    assert OPENLDAP.names(wanted) == ("uid", "pwdChangedTime", "pwdReset")


def test_values_are_cut_where_the_directory_takes_few_characters():
    name = "Ж" * 65
    assert ACTIVE_DIRECTORY.values({Field.GIVEN_NAME: name, Field.SURNAME: ""}) == {
        "givenName": (("Ж" * 64).encode(),),
        "sn": (),
    }
    assert OPENLDAP.values({Field.GIVEN_NAME: name, Field.SHORT_NAME: "x"}) == {"givenName": (name.encode(),)}


def test_a_carers_own_names():
    other = ACTIVE_DIRECTORY.renamed({Field.ROLE: "title", Field.LOGIN: "samAccountName"}, ("user", "person"))
    assert (other[Field.ROLE], other[Field.LOGIN], other.account_classes) == (
        "title",
        "samAccountName",
        ("user", "person"),
    )
    assert Field.SHORT_NAME not in other, "it would be written twice"
    assert Field.SHORT_NAME in ACTIVE_DIRECTORY.renamed({Field.ROLE: "title"})
    assert OPENLDAP.renamed({Field.SHELL: "loginShell"}).values({Field.SHELL: "/bin/sh"}) == {
        "loginShell": (b"/bin/sh",)
    }
    assert {Field[name.upper()] for name in RENAMED} <= set(Field)


def test_the_tree():
    tree = Tree("dc=schule,dc=example")
    assert tree.people == "ou=people,dc=schule,dc=example"
    assert tree.groups_of(GroupKind.CLASS) == "ou=class,ou=groups,dc=schule,dc=example"
    other = Tree("dc=town", "ou=Benutzer,dc=town", "ou=Gruppen,dc=town")
    assert (other.people, other.groups_of(GroupKind.CLUB)) == ("ou=Benutzer,dc=town", "ou=club,ou=Gruppen,dc=town")
    assert tree.service("auth") == "cn=auth,ou=services,dc=schule,dc=example"


def test_one_module_alone_imports_ldap3():
    folder = Path(appliance.directory.__file__).parent.parent
    assert [path.name for path in folder.rglob("*.py") if "import ldap3" in path.read_text()] == ["link.py"]
