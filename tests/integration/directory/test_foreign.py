"""An OpenLDAP of somebody else: what `schoolserver check --directory` finds in it, and working with it."""

import socket
import subprocess
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

import pytest
from click.testing import CliRunner

from appliance.cli.main import main
from appliance.daemon.authority import ensure_authority
from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, DirectoryUnavailable, connect
from appliance.directory.errors import AlreadyExists, NotFound
from appliance.directory.examine import examine
from appliance.directory.examine_rights import NAME
from appliance.policy.account import GroupKind, Role
from tests.integration.directory.foreign import BASE, BIND, DIRECTORY, GROUPS, PEOPLE, RIGHTS, start_town

GOOD = Secret("Schöner-Tag-7")
WEAK = "note: K02 not enforced: whoever sets a password elsewhere than here may choose one of 7 characters"


def check(town):
    done = CliRunner().invoke(main, ["check", "--directory", "--settings", str(town.settings.folder)])
    return done.exit_code, done.output.splitlines()


def problems(town):
    return [finding.text for finding in examine(town.settings) if finding.grave]


@pytest.fixture
def town(short):
    with start_town(short) as town:
        yield town


def test_one_that_will_do(town):
    for _ in range(2):
        code, lines = check(town)
        assert code == 0
        assert lines[1].startswith(WEAK)
        assert lines[-1] == "The directory (ldap) will do."
    directory = connect(town.settings, "supervisor")
    assert [account.login for account in directory.read().accounts] == ["anna.alt"], "nothing is left of the trial"
    directory.close()


def test_persons_are_looked_for(town):
    supervisor, auth = (connect(town.settings, service) for service in ("supervisor", "auth"))
    assert supervisor.find("anna.alt").display_name == ""
    auth.set_password("anna.alt", GOOD, must_change=False)
    assert auth.check("anna.alt", GOOD) is Checked.GOOD
    assert auth.check("anna.alt", Secret("falsch")) is Checked.WRONG
    assert auth.check("niemand.da", GOOD) is Checked.WRONG
    auth.set_password("anna.alt", GOOD, must_change=True)
    assert auth.check("Anna.ALT", GOOD) is Checked.MUST_CHANGE
    supervisor.create_account(login="ben.neu", uid=30002, given_name="Ben", surname="Neu", role=Role.PUPIL)
    supervisor.create_group(name="klasse5a", kind=GroupKind.CLASS, gid=30003)
    supervisor.add_members("klasse5a", ["anna.alt", "ben.neu"])
    (group,) = supervisor.read().groups
    assert group.members == ("anna.alt", "ben.neu")
    assert supervisor.find("anna.alt").groups == ("klasse5a",)
    supervisor.set_disabled("anna.alt", True)
    assert auth.check("anna.alt", GOOD) is Checked.WRONG
    for taken in ({"login": "anna.alt", "uid": 30009}, {"login": "carl.neu", "uid": 30001}):
        with pytest.raises(AlreadyExists):
            supervisor.create_account(given_name="A", surname="A", role=Role.PUPIL, **taken)
    for name in ("klasse5a", "klasse5b"):
        with pytest.raises(AlreadyExists):
            supervisor.create_group(name=name, kind=GroupKind.CLUB, gid=30003)
    supervisor.remove_account("anna.alt")
    with pytest.raises(NotFound):
        supervisor.remove_account("anna.alt")
    assert supervisor.read().groups[0].members == ("ben.neu",)
    supervisor.close()
    auth.close()


def test_a_carers_own_names_of_attributes(short):
    with start_town(short) as town:
        classes = "account_classes: [inetOrgPerson, posixAccount]"
        town.say(directory=f"{DIRECTORY}attributes: {{role: businessCategory, mail: carLicense}}\n{classes}\n")
        directory = connect(town.settings, "supervisor")
        assert directory.find("anna.alt") is None, "her role is in another attribute"
        directory.create_account(login="ben.neu", uid=30002, given_name="Ben", surname="Neu", role=Role.TEACHER)
        assert directory.find("ben.neu").role is Role.TEACHER
        directory.close()
        town.say(directory=f"{DIRECTORY}attributes: {{login: uidd}}\ngroup_classes: [schoolgroop]\n")
        assert problems(town) == [
            "attributes.login: the directory knows no attribute uidd; did you mean uid?",
            "group_classes: the directory knows no object class schoolgroop; did you mean schoolGroup?",
        ]


SETTINGS = {
    "no port": ({"uri": "ldaps://127.0.0.1:1"}, ["uri: nothing listens on port 1 of 127.0.0.1"]),
    "no host": ({"uri": "ldaps://dc.invalid"}, ["uri: no name server knows dc.invalid"]),
    "who": (
        {"bind_name": f"cn=nobody,{BASE}"},
        [f"bind_name: cn=nobody,{BASE} is refused (wrong password, or no such account)"],
    ),
    "other authorities": ({"ca": "system"}, ["ca: * signed by nobody that ca knows*"]),
    "no file": ({"ca": "/nowhere/ca.pem"}, ["ca: *the file of ca is missing"]),
    "kind": ({"kind": "active-directory"}, ["kind: *is no Active Directory: kind: ldap"]),
    "base": (
        {"base": "dc=city"},
        ["base: there is no entry dc=city, or bind_name may not read it; the directory has dc=town,dc=example"],
    ),
    "people": ({"people": f"ou=People,{BASE}"}, [f"people: there is no folder ou=People,{BASE}; make it*"]),
    "groups": ({"groups": PEOPLE}, [f"groups: there is no folder ou={kind},{PEOPLE}; *" for kind in GroupKind]),
}


@pytest.mark.parametrize(("wrong", "found"), SETTINGS.values(), ids=SETTINGS)
def test_what_settings_may_have_wrong(town, wrong, found):
    lines = [line for line in DIRECTORY.splitlines() if line.partition(":")[0] not in wrong]
    town.say(directory="\n".join((*lines, *(f"{key}: {value}" for key, value in wrong.items()), "")))
    assert_like(problems(town), found)
    assert check(town)[0] == 2


NOW = datetime.now(UTC)
MAY_NOT, REFUSED = f"bind_name: {BIND} may not", "(insufficientAccessRights)"
LACKS = {
    "name": ({"names": ["dc.town.example"]}, ["uri: *is for another name than the one that uri gives"]),
    "expired": ({"issued": NOW - timedelta(days=500)}, ["uri: *has expired, or the clock of this machine is wrong"]),
    "clock": ({"issued": NOW + timedelta(days=5)}, ["uri: *is not valid yet, or the clock*"]),
    "RFC 2307": (
        {"schemas": ("core", "cosine", "inetorgperson")},
        [
            "attributes.home: the directory knows no attribute homeDirectory: its schema has no*(RFC 2307)",
            "account_classes: the directory knows no object class posixAccount*",
            "group_classes: the directory knows no object class schoolGroup*",
        ],
    ),
    "ppolicy": ({"policy": None}, ["kind: the overlay ppolicy is not there, *"]),
    "must change": (
        {"policy": ("pwdMustChange: FALSE",)},
        ["a one-time password opens the directory without having to be changed (K03): the overlay ppolicy has no*"],
    ),
    "passwords": (
        {"rights": f"access to attrs=userPassword by anonymous auth by * none\n{RIGHTS}"},
        [f"{MAY_NOT} set passwords in {PEOPLE} {REFUSED}"],
    ),
    "attributes": (
        {"rights": f"access to attrs=givenName,employeeType by * auth\n{RIGHTS}"},
        [f"{MAY_NOT} change {attribute} in {PEOPLE} {REFUSED}" for attribute in ("givenName", "employeeType")],
    ),
    "groups": (
        {"rights": f'access to dn.subtree="{GROUPS}" by dn.exact="{BIND}" read\n{RIGHTS}'},
        [f"{MAY_NOT} add groups in {GROUPS} (insufficientAccessRights: no write access to parent)"],
    ),
    "read only": (
        {"rights": f'access to * by dn.exact="{BIND}" read by * auth'},
        [f"{MAY_NOT} add accounts in {PEOPLE} *", f"{MAY_NOT} add groups in {GROUPS} *"],
    ),
}


@pytest.mark.parametrize(("given", "found"), LACKS.values(), ids=LACKS)
def test_what_a_directory_may_lack(short, given, found):
    with start_town(short, **given) as town:
        assert_like(problems(town), found)
        assert (
            NAME not in subprocess.run(["/usr/sbin/slapcat", "-f", town.config], capture_output=True, text=True).stdout
        )


def test_one_that_does_not_tell_what_others_change(short):
    with start_town(short, synced=False) as town:
        first, _ = examine(town.settings)
        assert (
            first.text
            == "overlay syncprov: there is no contextCSN: what others change is noticed after some seconds only"
        )
        assert not first.grave


def test_one_that_does_not_answer(town):
    town.freeze()
    try:
        assert_like(problems(town), ["uri: ldaps://127.0.0.1:* no answer from the directory (TimeoutError)"])
    finally:
        town.thaw()


def test_something_else_than_a_directory_is_there(town, short):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lines = [line for line in DIRECTORY.splitlines() if not line.startswith("uri")]
        town.say(directory="\n".join((*lines, f"uri: ldaps://127.0.0.1:{port}", "")))
        assert_like(problems(town), ["uri: *TimeoutError*"])


def test_nobody_else_is_taken_for_the_directory(town, short):
    directory = connect(town.settings, "auth")
    assert directory.find("anna.alt") is not None
    directory.close()
    ensure_authority(short / "other", "town.example")
    (town.settings.folder / "ca.pem").write_bytes((short / "other" / "ca.pem").read_bytes())
    directory = connect(town.settings, "auth")
    with pytest.raises(DirectoryUnavailable, match="signed by nobody"):
        directory.check("anna.alt", GOOD)
    directory.close()


def test_the_bind_account_of_auth_may_be_another(town):
    town.say(directory=f"{DIRECTORY}bind_name_auth: cn=nobody,{BASE}\n")
    assert_like(problems(town), [f"bind_name: cn=nobody,{BASE} is refused*"])


def assert_like(lines, patterns):
    wild = [pattern.replace("[", "[[]") for pattern in patterns]
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, wild, strict=True):
        assert fnmatchcase(line, pattern), f"{line}\n{pattern}"
