"""Who may do and see what: the two service accounts, a PC, a pupil, and nobody."""

import ldap3
import pytest
from ldap3.protocol.microsoft import security_descriptor_control

from appliance.policy.account import GroupKind
from tests.integration.domain.conftest import BASE
from tests.integration.support_domain import ROOT, possible

pytestmark = possible

ANNA, FRED = (f"cn={login},ou=people,{BASE}" for login in ("anna.lehrer", "fred.muster"))
CLASS = f"cn=class3a,ou=class,ou=groups,{BASE}"
DELETED = ("1.2.840.113556.1.4.417", True, None)
REPLACE, NEW = ldap3.MODIFY_REPLACE, "Xamu-tibo-472"
REFUSED = 50  # insufficientAccessRights


def quoted(password):
    return f'"{password}"'.encode("utf-16-le")


def tried(line, name, attribute, value):
    line.modify(name, {attribute: [(REPLACE, [value])]})
    return line.result["result"]


def read(line, base=BASE, condition="(objectClass=*)", **more):
    line.search(base, condition, attributes=["*", "memberOf", "nTSecurityDescriptor"], **more)
    found = (one for one in line.response if one["type"] == "searchResEntry")
    return {one["dn"].lower(): {key for key, value in one["attributes"].items() if value} for one in found}


@pytest.fixture
def fred(school):
    school.give("fred.muster", "Kamu-tibo-472")
    return school.bind(FRED, "Kamu-tibo-472")


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("unicodePwd", quoted(NEW)),
        ("pwdLastSet", b"-1"),
        ("servicePrincipalName", "HTTP/server"),
        ("msDS-AllowedToDelegateTo", "cifs/server"),
        ("altSecurityIdentities", "Kerberos:somebody@ELSEWHERE"),
        ("adminCount", "1"),
        ("primaryGroupID", "512"),
        ("userAccountControl", str(0x200 | 0x80000)),  # trusted for delegation
    ],
)
def test_supervisor_cannot_open_an_account_to_itself(school, attribute, value):
    assert tried(school.service("supervisor"), ANNA, attribute, value) == REFUSED


def test_supervisor_changes_what_it_keeps(school):
    line = school.service("supervisor")
    for attribute, value in (
        ("displayName", "Anna Lehrer"),
        ("employeeType", "teacher"),
        ("userAccountControl", "512"),
    ):
        assert tried(line, ANNA, attribute, value) == 0
    assert tried(line, CLASS, "description", "Klasse 3a") == 0


def test_supervisor_stays_below_people_and_groups(school):
    line = school.service("supervisor")
    for name, kind in ((f"cn=x,ou=services,{BASE}", "user"), (f"cn=x,cn=users,{BASE}", "user")):
        line.add(name, kind, {"sAMAccountName": "x"})
        assert line.result["result"] == REFUSED
    line.add(f"cn=x,ou=people,{BASE}", "computer", {"sAMAccountName": "x$"})
    assert line.result["result"] == REFUSED
    line.modify(f"cn=domain admins,cn=users,{BASE}", {"member": [(ldap3.MODIFY_ADD, [ANNA])]})
    assert line.result["result"] == REFUSED
    line.modify_dn(ANNA, "cn=anna.lehrer", new_superior=f"ou=services,{BASE}")
    assert line.result["result"] == REFUSED


def test_what_the_supervisor_made_is_taken_over(school):
    """Its owner could give himself the right to write passwords; without its own rights it still does its work."""
    line, owner = school.service("supervisor"), security_descriptor_control(sdflags=4)
    config = str(school.domain.place.config)
    code = (
        "import sys; from samba.auth import system_session; from samba.param import LoadParm;"
        "from samba.samdb import SamDB; from appliance.directory.domain.owners import take_over;"
        "from appliance.directory.tree import Tree; lp = LoadParm(); lp.load(sys.argv[1]);"
        "sam = SamDB(url=lp.private_path('sam.ldb'), session_info=system_session(), lp=lp);"
        "print(take_over(sam, Tree(sys.argv[2])))"
    )
    argv = ["env", f"PYTHONPATH={ROOT}", "/usr/bin/python3", "-c", code, config, BASE]
    school.supervisor.create_group(name="newest", kind=GroupKind.CLUB, gid=20060)
    assert int(school.domain.inside(argv).stdout) >= 1
    assert int(school.domain.inside(argv).stdout) == 0

    line.search(ANNA, "(objectClass=*)", ldap3.BASE, attributes=["nTSecurityDescriptor"], controls=owner)
    descriptor = line.response[0]["raw_attributes"]["nTSecurityDescriptor"][0]
    line.modify(ANNA, {"nTSecurityDescriptor": [(REPLACE, [descriptor])]}, controls=owner)
    assert line.result["result"] == REFUSED
    assert tried(line, ANNA, "displayName", "Anna Lehrer") == 0
    school.supervisor.set_disabled("anna.lehrer", True)
    school.supervisor.set_disabled("anna.lehrer", False)
    school.supervisor.remove_members("class3a", ["fred.muster"])
    school.supervisor.add_members("class3a", ["fred.muster"])
    assert school.supervisor.find("anna.lehrer").display_name == "Anna Lehrer"


def test_auth_writes_passwords_of_people_and_nothing_else(school):
    line = school.service("auth")
    assert tried(line, ANNA, "unicodePwd", quoted(NEW)) == 0
    for name in (
        f"cn=administrator,cn=users,{BASE}",
        f"cn=supervisor,ou=services,{BASE}",
        f"cn=krbtgt,cn=users,{BASE}",
    ):
        assert tried(line, name, "unicodePwd", quoted(NEW)) == REFUSED
    assert tried(line, ANNA, "displayName", "Anna") == REFUSED
    assert tried(line, CLASS, "description", "x") == REFUSED
    line.add(f"cn=x,ou=people,{BASE}", "user", {"sAMAccountName": "x"})
    assert line.result["result"] == REFUSED


def test_a_pupil_reads_names_and_addresses_only(school, fred):
    assert read(fred)[ANNA.lower()] <= {
        *("cn", "name", "displayName", "givenName", "sn", "mail", "uid", "sAMAccountName", "userPrincipalName"),
        *("objectClass", "objectGUID", "objectSid", "distinguishedName"),
    }
    assert {"displayName", "mail"} <= read(fred)[ANNA.lower()]
    assert not {"member", "description", "gidNumber"} & read(fred)[CLASS.lower()]
    assert not read(fred, condition="(employeeType=teacher)")
    assert not read(fred, condition=f"(member={FRED})")


def test_a_pupil_changes_nothing(school, fred):
    for attribute in ("displayName", "mail", "telephoneNumber", "thumbnailPhoto", "info", "url"):
        assert tried(fred, FRED, attribute, "x") == REFUSED, attribute
    fred.add(f"cn=pc1,cn=computers,{BASE}", "computer", {"sAMAccountName": "pc1$", "userAccountControl": "4096"})
    assert fred.result["result"] == REFUSED  # only administrators make PCs members


def test_only_the_supervisor_sees_who_was_deleted(school, fred):
    school.supervisor.create_account(login="gone.soon", uid=20099, given_name="Gone", surname="Soon", role=None)
    school.supervisor.remove_account("gone.soon")
    condition = "(isDeleted=TRUE)"
    found = read(school.service("supervisor"), f"cn=deleted objects,{BASE}", condition, controls=[DELETED])
    assert any("gone.soon" in name for name in found)
    assert not any("gone.soon" in name for name in read(fred, BASE, condition, controls=[DELETED]))


def test_a_pc_reads_whom_it_lets_in(school):
    tool = ["samba-tool", f"--configfile={school.domain.place.config}"]
    made = school.domain.inside([*tool[:1], "computer", "create", "pc-1", *tool[1:]])
    given = school.domain.inside([*tool[:1], "user", "setpassword", "pc-1$", "--newpassword=Kamu-tibo-472", *tool[1:]])
    assert made.returncode == given.returncode == 0, made.stderr + given.stderr
    line = school.bind("PC-1$@schule.example", "Kamu-tibo-472")
    assert {"uidNumber", "gidNumber", "unixHomeDirectory", "userAccountControl"} <= read(line)[ANNA.lower()]
    assert "member" in read(line)[CLASS.lower()]
    assert tried(line, ANNA, "displayName", "x") == REFUSED


def test_nobody_reads_nothing(school):
    line = school.bind("", "")
    line.search(BASE, "(objectClass=*)")
    assert not line.response
    done = school.domain.inside(["rpcclient", "-N", "-U", "", "server", "-c", "enumdomusers"])
    assert "fred.muster" not in done.stdout
    assert done.returncode != 0
