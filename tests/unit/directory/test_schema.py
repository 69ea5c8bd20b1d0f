from pathlib import Path

import appliance.directory
from appliance.directory.schema import ACTIVE_DIRECTORY, OPENLDAP, Field
from appliance.directory.tree import Tree
from appliance.policy.account import GroupKind


def test_every_field_has_a_name_in_both_columns():
    for schema in (OPENLDAP, ACTIVE_DIRECTORY):
        assert all(schema[field] for field in Field)
    assert len({OPENLDAP[field] for field in Field}) == len(Field)


def test_the_tree():
    tree = Tree("dc=schule,dc=example")
    assert tree.people == "ou=people,dc=schule,dc=example"
    assert tree.groups_of(GroupKind.CLASS) == "ou=class,ou=groups,dc=schule,dc=example"
    assert tree.service("auth") == "cn=auth,ou=services,dc=schule,dc=example"


def test_one_module_alone_imports_ldap3():
    folder = Path(appliance.directory.__file__).parent.parent
    assert [path.name for path in folder.rglob("*.py") if "import ldap3" in path.read_text()] == ["link.py"]
