"""The embedded slapd itself: who sees what in it, and how it starts after whatever happened to it."""

import os
import select
import shutil
import signal
import subprocess

import ldap3
import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked, DirectoryUnavailable, connect
from appliance.directory.engine_tools import CannotPrepare
from appliance.directory.slapd.embedded import embedded
from appliance.directory.slapd.tools import sole_use
from tests.integration.directory.conftest import KINDS, opened
from tests.integration.support_slapd import ROOT, start_slapd, write_settings

BASE = "dc=schule,dc=example"
PEOPLE, GROUPS, SERVICES = f"ou=people,{BASE}", f"ou=groups,{BASE}", f"ou=services,{BASE}"
GOOD = Secret("Schöner-Tag-7")
ALL = ["*", "+"]

in_slapd = pytest.mark.parametrize("shared", KINDS[:1], indirect=True)


def line(school, name=None, password=None, **more):
    """A plain LDAP connection, as any program on the machine may open one."""
    server = ldap3.Server(f"ldapi://{school.server.socket}".replace("://", ":///", 1).replace("////", "///"))
    connection = ldap3.Connection(server, name, password, client_strategy=ldap3.SAFE_SYNC, check_names=False, **more)
    connection.open(read_server_info=False)
    return connection, connection.bind(read_server_info=False)[1]["description"]


def found(connection, base=BASE, condition="(objectClass=*)", scope=ldap3.SUBTREE):
    result = connection.search(base, condition, scope, attributes=ALL)[2] or []
    return {entry["dn"]: entry["raw_attributes"] for entry in result}


@pytest.fixture
def person(shared):
    """A pupil's own connection; there are a hidden account, a group and another pupil."""
    for login in ("erika.person", "fritz.person"):
        if shared.supervisor.find(login) is None:
            shared.account(login)
            shared.auth.set_password(login, GOOD, must_change=False)
    if shared.supervisor.find("probe.person") is None:
        shared.account("probe.person", hidden=True)
        shared.group("personen")
        shared.supervisor.add_members("personen", ["erika.person"])
    connection, answer = line(shared, f"uid=erika.person,{PEOPLE}", GOOD.reveal())
    assert answer == "success"
    yield connection
    connection.unbind()


@in_slapd
def test_a_person_sees_names_and_addresses_only(person):
    entries = found(person, PEOPLE, "(mail=*person*)")
    assert entries.keys() == {f"uid=erika.person,{PEOPLE}", f"uid=fritz.person,{PEOPLE}"}
    for attributes in entries.values():
        assert attributes.keys() <= {"uid", "cn", "sn", "givenName", "displayName", "mail"}
    assert found(person, PEOPLE, "(objectClass=person)")
    assert not found(person, PEOPLE, "(employeeType=pupil)"), "what cannot be read cannot be asked for either"
    assert not found(person, PEOPLE, "(pwdReset=*)")
    for base in (BASE, GROUPS, SERVICES, f"ou=policies,{BASE}", f"uid=probe.person,{PEOPLE}", "cn=config"):
        assert not found(person, base)
    assert found(person, "", scope=ldap3.BASE), "programs ask there what they talk to"


@in_slapd
def test_a_person_changes_nothing_and_no_password(person, shared):
    own, other = (f"uid={login}.person,{PEOPLE}" for login in ("erika", "fritz"))
    for name in (own, other):
        for attribute, value in (("userPassword", "x"), ("displayName", "x"), ("pwdReset", "TRUE"), ("uidNumber", "1")):
            change = {attribute: [(ldap3.MODIFY_REPLACE, [value])]}
            assert person.modify(name, change)[1]["description"] == "insufficientAccessRights"
        person.extend.standard.modify_password(name, GOOD.reveal(), "Anders-9!")
        assert person.result["description"] in ("insufficientAccessRights", "unwillingToPerform")
        assert person.delete(name)[1]["description"] == "insufficientAccessRights"
    assert person.add(f"ou=neu,{PEOPLE}", "organizationalUnit")[1]["description"] == "insufficientAccessRights"
    assert shared.auth.check("erika.person", GOOD) is Checked.GOOD


@in_slapd
def test_who_must_change_sees_nothing(shared):
    shared.account("otto.einmal")
    shared.auth.set_password("otto.einmal", GOOD, must_change=True)
    connection, answer = line(shared, f"uid=otto.einmal,{PEOPLE}", GOOD.reveal())
    assert answer == "success"
    assert not found(connection, PEOPLE)
    connection.unbind()


@in_slapd
def test_anonymous_and_unix_users_see_nothing(shared, person):
    connection, answer = line(shared)
    assert answer == "inappropriateAuthentication"
    for base in (BASE, PEOPLE, "", "cn=config", "cn=Subschema"):
        assert not found(connection, base)
        assert not found(connection, base, scope=ldap3.BASE)
    connection.unbind()
    external = {"authentication": ldap3.SASL, "sasl_mechanism": ldap3.EXTERNAL, "sasl_credentials": ""}
    connection, _ = line(shared, **external)
    for base in (BASE, PEOPLE, GROUPS, SERVICES, "", "cn=config"):
        assert not found(connection, base)
        assert not found(connection, base, scope=ldap3.BASE)
    connection.unbind()


@in_slapd
@pytest.mark.parametrize("account", ["supervisor", "auth"])
def test_nobody_reads_passwords(shared, person, account):
    file = shared.server.settings.server.state / account / "directory.password"
    connection, answer = line(shared, f"cn={account},{SERVICES}", file.read_text())
    assert answer == "success"
    entries = found(connection, PEOPLE)
    assert any("erika.person" in name for name in entries)
    assert not any("userPassword" in attributes for attributes in entries.values())
    assert not found(connection, SERVICES)
    connection.unbind()


@in_slapd
def test_the_supervisor_smuggles_no_password_in(shared):
    file = shared.server.settings.server.state / "supervisor" / "directory.password"
    connection, _ = line(shared, f"cn=supervisor,{SERVICES}", file.read_text())
    entry = {"uid": "x.y", "cn": "X", "sn": "Y", "uidNumber": 1, "gidNumber": 1, "homeDirectory": "/"}
    name, classes = f"uid=x.y,{PEOPLE}", ["inetOrgPerson", "posixAccount"]
    refused = "insufficientAccessRights"
    for more in ({"userPassword": "x"}, {"pwdReset": "FALSE"}, {"pwdPolicySubentry": BASE}):
        assert connection.add(name, classes, entry | more)[1]["description"] == refused
    assert connection.add(name, classes, entry)[1]["description"] == "success"
    for attribute, value in (("userPassword", "x"), ("pwdReset", "TRUE"), ("pwdPolicySubentry", BASE)):
        assert connection.modify(name, {attribute: [(ldap3.MODIFY_REPLACE, [value])]})[1]["description"] == refused
    connection.extend.standard.modify_password(name, new_password="x")
    assert connection.result["description"] == refused
    assert connection.add(f"cn=x,{SERVICES}", ["applicationProcess"])[1]["description"] == refused
    assert connection.delete(f"cn=auth,{SERVICES}")[1]["description"] in (refused, "noSuchObject")
    assert connection.delete(name)[1]["description"] == "success"
    connection.unbind()


@in_slapd
@pytest.mark.parametrize("password", [Secret("x"), Secret("p" * 512), Secret("{CLEARTEXT}Wort"), Secret("{SSHA}")])
def test_slapd_takes_whatever_it_is_given(shared, password):
    login = shared.account(f"wort.wahl{next(shared.numbers)}")
    shared.auth.set_password(login, password, must_change=False)
    assert shared.auth.check(login, password) is Checked.GOOD
    assert shared.auth.check(login, Secret(password.reveal() + "x")) is Checked.WRONG


@in_slapd
def test_no_password_is_taken_for_a_hash(shared):
    shared.account("klammer.auf")
    shared.auth.set_password("klammer.auf", Secret("{CLEARTEXT}Wort"), must_change=False)
    assert shared.auth.check("klammer.auf", Secret("Wort")) is Checked.WRONG
    shared.auth.set_password("klammer.auf", GOOD, must_change=True)
    with pytest.raises(ValueError, match="brace"):
        shared.auth.set_password("klammer.auf", Secret("{CLEARTEXT}Wort"), must_change=True)
    assert shared.auth.check("klammer.auf", GOOD) is Checked.MUST_CHANGE


def run(settings, *arguments, **more):
    argv = ["/usr/bin/python3", "-m", "appliance.directory.slapd", "--settings", str(settings.folder), *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, **more)


def test_nothing_personal_is_written_to_the_log(short):
    settings = write_settings(short)
    assert run(settings, "--prepare-only").returncode == 0
    log = short / "log"
    with log.open("wb") as output, start_slapd(short, settings, output=output) as slapd:
        school = opened(slapd)
        school.account("geheim.name")
        school.auth.set_password("geheim.name", GOOD, must_change=True)
        school.auth.check("geheim.name", GOOD)
        school.auth.check("geheim.name", Secret("falsch"))
        school.supervisor.remove_account("geheim.name")
        school.close()
    assert log.read_text() == ""


def test_the_first_start_can_be_cut_at_any_moment(short):
    settings = write_settings(short)
    argv = ["/usr/bin/python3", "-m", "appliance.directory.slapd", "--settings", str(settings.folder), "--prepare-only"]
    for milliseconds in range(60, 300, 15):
        process = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE)
        ended = os.pidfd_open(process.pid)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.poll(milliseconds)
        process.kill()
        complaint = process.communicate()[1]
        os.close(ended)
        assert complaint == b""
        if process.returncode == 0:
            shutil.rmtree(settings.server.state)  # it was complete; once more from the beginning, cut later
    assert_serves(short, settings)


def test_what_a_cut_start_leaves_is_thrown_away(short):
    settings = write_settings(short)
    left = embedded(settings).folder / "db.new"
    left.mkdir(parents=True)
    left.joinpath("data.mdb").write_bytes(b"half of something")
    assert_serves(short, settings)
    assert not left.exists()


def test_a_lost_password_file_is_made_anew(short):
    settings = write_settings(short)
    with start_slapd(short, settings) as slapd:
        school = opened(slapd)
        school.account("bleibt.da")
        slapd.kill(signal.SIGTERM)
        settings.server.state.joinpath("auth", "directory.password").unlink()
        slapd.start()
        assert school.auth.find("bleibt.da") is not None
        assert school.supervisor.find("bleibt.da") is not None
        school.close()


def test_a_wrong_password_file_is_said(short):
    settings = write_settings(short)
    with start_slapd(short, settings):
        file = settings.server.state / "auth" / "directory.password"
        file.chmod(0o600)
        file.write_text("other")
        directory = connect(settings, "auth")
        with pytest.raises(DirectoryUnavailable, match=r"auth/directory.password.*remove that file"):
            directory.find("x")
        file.unlink()
        with pytest.raises(DirectoryUnavailable, match="cannot be read"):
            directory.find("x")
        directory.close()


def test_a_damaged_database_is_said(short):
    settings = write_settings(short)
    assert run(settings, "--prepare-only").returncode == 0
    (embedded(settings).database / "data.mdb").write_bytes(b"\x55" * 65536)
    done = run(settings)
    assert done.returncode == 1
    assert "the database is damaged; put back the folder db from the backup" in done.stderr


def test_a_changed_domain_is_said(short):
    settings = write_settings(short)
    assert run(settings, "--prepare-only").returncode == 0
    (settings.folder / "school.yaml").write_text("domain: andere.example\n")
    done = run(settings)
    assert done.returncode == 1
    assert "dc=schule,dc=example" in done.stderr
    assert "dc=andere,dc=example" in done.stderr


def test_wrong_settings_are_said(short):
    settings = write_settings(short)
    (settings.folder / "directory.yaml").write_text("argon2_time: often\n")
    done = run(settings)
    assert done.returncode == 2
    assert "directory.yaml" in done.stderr


def test_two_on_one_folder(short):
    settings = write_settings(short)
    with (
        start_slapd(short, settings),
        pytest.raises(CannotPrepare, match="another slapd"),
        sole_use(embedded(settings).folder, longest=0.2),
    ):
        pass


@pytest.fixture
def small_disk(short):
    """Mounts a disk of this many KiB below ``short`` and makes it larger."""
    folder = short / "state"
    folder.mkdir()

    def mount(size, *options):
        argv = ["mount", "-t", "tmpfs", "-o", ",".join((*options, f"size={size}k")), "tmpfs", str(folder)]
        if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            pytest.skip("only root can mount a small disk")

    yield mount
    subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def test_no_room_for_the_first_start(short, small_disk):
    small_disk(64)
    settings = write_settings(short)
    done = run(settings)
    assert done.returncode == 1
    assert "the disk is full; make room there and start again" in done.stderr
    small_disk(10000, "remount")
    assert_serves(short, settings)


def test_a_disk_that_fills_up(short, small_disk):
    small_disk(500)
    settings = write_settings(short)
    with start_slapd(short, settings) as slapd:
        school = opened(slapd)
        with pytest.raises(DirectoryUnavailable, match="no room on its disk"):
            for number in range(2000):
                school.account(f"kind.nr{number}")
        there = len(school.supervisor.read().accounts)
        assert there > 10
        small_disk(10000, "remount")
        school.account("wieder.platz")
        assert len(school.supervisor.read().accounts) == there + 1
        school.close()


def assert_serves(short, settings):
    with start_slapd(short, settings) as slapd:
        school = opened(slapd)
        school.account("erste.person")
        school.auth.set_password("erste.person", GOOD, must_change=False)
        assert school.auth.check("erste.person", GOOD) is Checked.GOOD
        school.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_as_root_everybody_owns_his_own(short):
    settings = write_settings(
        short,
        server="state: {folder}/state\nruntime: {folder}/run\ndata: {folder}/srv\nidentity: numbers\nfirst_id: 61000\n",
    )
    short.chmod(0o755)
    assert run(settings, "--prepare-only").returncode == 0
    state = settings.server.state
    slapd, auth = (state / "directory").stat(), (state / "auth" / "directory.password").stat()
    assert slapd.st_uid not in (0, auth.st_uid)
    assert auth.st_uid != 0
    assert auth.st_mode & 0o777 == 0o400
    for folder, _, names in os.walk(state / "directory"):
        for name in names:
            assert os.stat(os.path.join(folder, name)).st_uid == slapd.st_uid, name
    own = {"user": slapd.st_uid, "group": slapd.st_gid, "extra_groups": []}
    again = run(settings, "--prepare-only", **own)
    assert (again.returncode, again.stderr) == (0, ""), "its own user finds everything in place"
    (state / "auth" / "directory.password").unlink()
    assert_serves(short, settings)
