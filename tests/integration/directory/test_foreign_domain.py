"""An Active Directory of somebody else: what the check finds in it, and working with it, in folders of its own."""

import shutil
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, DirectoryUnavailable, connect
from appliance.directory.examine import examine
from appliance.directory.link import Link
from appliance.directory.trust import Trust
from appliance.policy.account import GroupKind, Role
from appliance.settings.load import load
from tests.integration.support_domain import possible, start_domain

pytestmark = possible
GOOD, OTHER = Secret("Schöner-Tag-7"), Secret("Anders-99-Wege!")
TOP = "dc=schule,dc=example"
BASE = f"ou=Parkschule,{TOP}"
PEOPLE, GROUPS = f"ou=Benutzer,{BASE}", f"ou=Gruppen,{BASE}"
ADMIN = "Administrator@schule.example"
SETTINGS = f"""\
kind: active-directory
uri: ldaps://127.0.0.1:{{port}}
base: {BASE}
people: {PEOPLE}
groups: {GROUPS}
bind_name: {ADMIN}
timeout: 5 s
"""


class Town:
    """A running AD, an administrator's connection to it, and our settings for it."""

    def __init__(self, domain, folder):
        self.domain, self.folder = domain, folder
        self.link = Link(domain.settings.directory.uri, 10, Trust(domain.settings.folder / "ca.pem"))
        assert self.link.bind(ADMIN, domain.administrator).code == 0
        units = (BASE, PEOPLE, f"ou=5a,{PEOPLE}", GROUPS, *(f"ou={kind},{GROUPS}" for kind in GroupKind))
        for unit in units:
            self.link.add(unit, ["organizationalUnit"], {})

    def settings(self, word=None, **other):
        """Settings for it, with other values for some keys; ``word`` is the password of bind_name."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "server.yaml").write_text(f"state: {folder}/state\nruntime: {folder}/run\ndata: {folder}/srv\n")
        shutil.copy(self.domain.settings.folder / "ca.pem", folder)
        (folder / "school.yaml").write_text("domain: parkschule.example\n")
        lines = [line for line in SETTINGS.splitlines() if line.partition(":")[0] not in other]
        lines += [f"{key}: {value}" for key, value in other.items()]
        port = str(self.domain.network.port)
        (folder / "directory.yaml").write_text("\n".join((*lines, "")).replace("{port}", port))
        for service in ("supervisor", "auth"):
            (folder / "state" / service).mkdir(parents=True)
            (folder / "state" / service / "directory.password").write_text(word or self.domain.administrator)
        return load(folder)

    def rules(self, **rules):
        self.link.modify(TOP, {name: ("replace", (str(value).encode(),)) for name, value in rules.items()})


@pytest.fixture(scope="module")
def town():
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with start_domain(folder) as domain:
            yield Town(domain, folder)
    finally:
        shutil.rmtree(folder)


def test_one_that_will_do(town):
    assert examine(town.settings()) == ()


def test_working_with_it(town):
    settings = town.settings(attributes="{login: sAMAccountName}")
    supervisor, auth = (connect(settings, service) for service in ("supervisor", "auth"))
    person = {"sAMAccountName": b"anna.alt", "uidNumber": b"30001", "employeeType": b"pupil"}
    person |= {"userAccountControl": b"1049090"}
    name = f"cn=Alt\\, Anna,ou=5a,{PEOPLE}"
    town.link.add(name, ["user"], {attribute: [value] for attribute, value in person.items()})
    auth.set_password("anna.alt", GOOD, must_change=True)
    assert auth.check("anna.alt", GOOD) is Checked.WRONG, "somebody has disabled it"
    supervisor.set_disabled("anna.alt", False)
    assert auth.check("Anna.Alt", GOOD) is Checked.MUST_CHANGE
    (found,) = town.link.search(name, "(objectClass=*)", ["userAccountControl"], below=False)
    assert found.attributes["userAccountControl"] == [b"1049088"], (
        "that it is not to be delegated is none of our business"
    )
    supervisor.create_account(login="ben.neu", uid=30002, given_name="Ben", surname="Neu", role=Role.PUPIL)
    supervisor.create_group(name="klasse5a", kind=GroupKind.CLASS, gid=30003)
    supervisor.add_members("klasse5a", ["anna.alt", "ben.neu"])
    state = supervisor.read()
    assert [account.login for account in state.accounts] == ["anna.alt", "ben.neu"]
    assert state.groups[0].members == ("anna.alt", "ben.neu")
    (found,) = town.link.search(PEOPLE, "(sAMAccountName=ben.neu)", ["userPrincipalName", "mail", "uid"])
    assert found.attributes["userPrincipalName"] == [b"ben.neu@schule.example"], "the AD's name, not ours"
    assert found.attributes["mail"] == [b"ben.neu@parkschule.example"]
    for login in ("anna.alt", "ben.neu"):
        supervisor.remove_account(login)
    assert supervisor.read().accounts == ()
    supervisor.close()
    auth.close()


def test_rules_weaker_than_ours_are_told(town):
    town.rules(pwdProperties=0, minPwdLength=0, lockoutThreshold=10, maxPwdAge=-42 * 24 * 3600 * 10**7)
    try:
        locks, expires, weak = examine(town.settings())
    finally:
        town.rules(pwdProperties=1, minPwdLength=0, lockoutThreshold=0, maxPwdAge=-0x8000000000000000)
    assert not (weak.grave or locks.grave or expires.grave)
    assert weak.text.startswith("K02 not enforced: ")
    assert "without digits" in weak.text
    assert "10 wrong passwords lock an account out" in locks.text
    assert "passwords expire after 42 days" in expires.text


def test_what_is_wrong(town):
    """One after the other, for a domain is slow to come."""
    directory = connect(town.domain.settings, "supervisor")
    directory.create_account(login="kein.recht", uid=30010, given_name="K", surname="R", role=Role.PUPIL)
    auth = connect(town.domain.settings, "auth")
    auth.set_password("kein.recht", GOOD, must_change=False)
    pupil = "kein.recht@schule.example"
    of_pupil = {"bind_name": pupil, "word": GOOD.reveal(), "base": TOP, "people": "auto", "groups": "auto"}
    may_not = f"bind_name: {pupil} may not add"
    cases = (
        ({"kind": "ldap"}, ["kind: * is an Active Directory: kind: active-directory"]),
        ({"base": f"ou=Park,{TOP}"}, ["base: there is no entry ou=Park*; the directory has DC=schule,DC=example"]),
        ({"people": f"ou=Schueler,{BASE}"}, [f"people: there is no folder ou=Schueler,{BASE}; make it*"]),
        (
            {"attributes": "{role: employeType}"},
            ["attributes.role: *employeType; did you mean employeeType?"],
        ),
        ({"account_classes": "[users]"}, ["account_classes: *object class users; did you mean user?"]),
        ({"word": "falsch"}, [f"bind_name: {ADMIN} is refused (wrong password, or no such account)"]),
        ({"bind_name": pupil, "word": OTHER.reveal()}, [f"bind_name: {pupil} is refused (wrong password*"]),
        (of_pupil, [f"{may_not} accounts in ou=people,{TOP} *", f"{may_not} groups in ou=groups,{TOP} *"]),
    )
    for wrong, expected in cases:
        told = [finding.text for finding in examine(town.settings(**wrong)) if finding.grave]
        assert len(told) == len(expected), (wrong, told)
        assert all(map(fnmatchcase, told, expected)), (wrong, told)
    directory.set_log_on("kein.recht", False)
    assert examine(town.settings(**of_pupil))[0].text == f"bind_name: {pupil} is refused (not at this hour)"
    directory.set_disabled("kein.recht", True)
    assert examine(town.settings(**of_pupil))[0].text == f"bind_name: {pupil} is refused (the account is disabled)"
    directory.close()
    auth.close()


def test_an_authority_that_did_not_sign(town):
    directory = connect(town.settings(ca="system"), "auth")
    with pytest.raises(DirectoryUnavailable, match="signed by nobody that ca knows"):
        directory.check("anna.alt", GOOD)
    directory.close()
