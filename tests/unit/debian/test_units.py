"""The units that the packages bring are those of the launcher's table: what runs in the demo runs on a server."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from appliance.settings.load import load
from appliance.supervisor.launcher.unit import Readiness, TcpListener, Unit, UnixListener
from appliance.supervisor.launcher.units import school_units
from tests.unit.debian import reading

GROUPS = {"services": "schoolserver", "admin": "schoolserver-admin"}
MORE_SOCKETS = {"schoolserver-backup.socket", "schoolserver-lists.socket"}  # of what the demo does as a child
MORE_SERVICES = {
    *("schoolserver-backup@.service", "schoolserver-certificates.service"),
    *("schoolserver-lists.service", "schoolserver-lists@.service", "schoolserver-backup.service", "schoolserver-drill.service"),
}
MORE_FOLDERS = {
    *("/var/lib/schoolserver", "/run/schoolserver", "/run/schoolserver/backup"),
    *("/run/schoolserver/lists", "/var/lib/schoolserver/filter"),
}
PACKAGE_OF = {
    "domain": "domain",
    "guard": "domain",
    "time": "domain",
    "directory": "directory",
    "ldap-port": "directory",
    "mail": "mail",
    "imap": "mail",
    "autoconfig": "mail",
    "fileshare": "fileshare",
    "smb": "fileshare",
    "outbound": "mail",
    "proxy": "proxy",
    "firewall": "proxy",
    "resolver": "proxy",
}


@pytest.fixture
def settings(tmp_path):
    return load(tmp_path)


@pytest.fixture
def table(settings) -> tuple[Unit, ...]:
    """What there is with either directory, and with a WLAN."""
    found = {}
    wlan = replace(settings.network, wlan_networks=(ip_network("10.1.64.0/18"),))
    for kind in ("slapd", "domain"):
        there = replace(settings, directory=replace(settings.directory, kind=kind), network=wlan)
        for one in school_units(there):
            after = found[one.name].after if one.name in found else ()
            found[one.name] = replace(one, after=tuple({*after, *one.after}))
    return tuple(found.values())


def user(part: str) -> str:
    return "root" if part == "privileged" else f"schoolserver-{part}"


def group(name: str) -> str:
    return GROUPS.get(name) or user(name)


def service(one: Unit):
    return reading.unit(f"schoolserver-{one.name}.service")


def test_every_unit_is_there_in_its_package_and_no_other(table):
    named = {f"schoolserver-{one.name}.service": PACKAGE_OF.get(one.name, "common") for one in table}
    found = {path.name: reading.part_of(path.name) for path in reading.units("*.service")}
    assert {name: part for name, part in found.items() if name not in MORE_SERVICES} == named


def test_it_runs_the_same_program(table, settings):
    for one in table:
        argv = [word for word in one.argv if word not in ("--settings", str(settings.folder))]
        said = reading.values(service(one), "Service", "ExecStart")
        assert [word.replace("/lib/", "/usr/lib/").replace("/usr/usr/", "/usr/") for word in said] == [
            word.replace("/lib/", "/usr/lib/").replace("/usr/usr/", "/usr/") for word in argv
        ]


def test_as_the_same_user_with_the_same_umask(table):
    for one in table:
        assert (reading.value(service(one), "Service", "User") or "root") == user(one.identity)
        assert int(reading.value(service(one), "Service", "UMask") or "", 8) == one.umask


def test_after_the_same_units_and_its_own_sockets(table):
    for one in table:
        after = set(reading.values(service(one), "Unit", "After"))
        assert {f"schoolserver-{name}.service" for name in one.after} <= after, one.name
        assert sockets_of(one) <= after, one.name


def test_a_port_that_is_taken_stops_no_unit_that_can_do_without(table):
    lacking = set()
    for one in table:
        names = {reading.value(reading.unit(name), "Socket", "FileDescriptorName"): name for name in sockets_of(one)}
        spare = {each.name for each in one.listeners if isinstance(each, TcpListener) and not each.needed}
        required, wanted = (set(reading.values(service(one), "Unit", key)) for key in ("Requires", "Wants"))
        assert required & sockets_of(one) == {names[each.name] for each in one.listeners if each.name not in spare}
        assert wanted & sockets_of(one) == {names[name] for name in spare}, one.name
        lacking |= spare
    assert lacking == {*("submissions", "smtp", "imaps", "ftps", "http", "https"), "transparent-http", "transparent-tls"}


def test_it_is_ready_watched_and_stopped_as_in_the_table(table):
    for one in table:
        path = service(one)
        kind = reading.value(path, "Service", "Type")
        assert (kind == "notify") == (one.readiness is Readiness.NOTIFY), one.name
        watchdog = reading.value(path, "Service", "WatchdogSec")
        assert (float(watchdog) if watchdog else None) == one.watchdog, one.name
        assert float(reading.value(path, "Service", "TimeoutStopSec") or 0) == one.stop_timeout
        assert (reading.value(path, "Service", "ExecReload") is not None) == (one.reload_signal is not None), one.name


def test_it_is_started_again_but_not_with_wrong_settings(table):
    for one in table:
        assert reading.value(service(one), "Service", "Restart") == "always"
        if one.name != "ldap-port":
            assert reading.value(service(one), "Service", "RestartPreventExitStatus") == "2"


def sockets_of(one: Unit) -> set[str]:
    return {
        path.name
        for path in reading.units("*.socket")
        if (reading.value(path, "Socket", "Service") or path.name.replace(".socket", ".service"))
        == f"schoolserver-{one.name}.service"
    }


def test_each_listener_has_its_socket(table):
    seen = set(MORE_SOCKETS)
    for one in table:
        files = {
            reading.value(reading.unit(name), "Socket", "FileDescriptorName"): reading.unit(name)
            for name in sockets_of(one)
        }
        assert set(files) == {listener.name for listener in one.listeners}, one.name
        for listener in one.listeners:
            check(files[listener.name], listener)
            assert files[listener.name].parent == service(one).parent
        seen |= {path.name for path in files.values()}
        names = {path.name for path in files.values()}
        if names - {f"schoolserver-{one.name}.socket"}:
            assert set(reading.values(service(one), "Service", "Sockets")) == names, "else only one is handed in"
    assert seen == {path.name for path in reading.units("*.socket")}


def check(path, listener: TcpListener | UnixListener) -> None:
    if isinstance(listener, TcpListener):
        assert reading.value(path, "Socket", "ListenStream") == f"{listener.host}:{listener.port}"
        return
    key = "ListenSequentialPacket" if listener.packets else "ListenStream"
    assert reading.value(path, "Socket", key) == str(listener.path)
    assert reading.value(path, "Socket", "SocketUser") == user(listener.owner)
    assert reading.value(path, "Socket", "SocketGroup") == group(listener.group)
    assert int(reading.value(path, "Socket", "SocketMode") or "", 8) == listener.mode


def test_the_folders_are_those_of_the_table_each_in_the_package_of_its_unit(table):
    wanted = {
        (PACKAGE_OF.get(one.name, "common"), str(folder.path), folder.mode, user(folder.owner), group(folder.group))
        for one in table
        for folder in one.folders
    }
    found = {
        (part, entry.path, entry.mode, entry.user, entry.group)
        for part in reading.PARTS
        for entry in reading.folders(part)
        if entry.path not in MORE_FOLDERS
    }
    assert found == wanted


def test_no_folder_is_made_below_one_of_another_user():
    """systemd-tmpfiles refuses that: whoever owns the upper one could swap the lower one."""
    owners = {entry.path: entry.user for part in reading.PARTS for entry in reading.folders(part)}
    for path, owner in owners.items():
        above = owners.get(path.rpartition("/")[0], "root")
        assert above in ("root", owner), path


def test_everything_belongs_to_the_target_and_waits_for_the_set_up():
    for kind in ("service", "socket", "timer"):
        shared = reading.UNITS / "shared" / f"{kind}.conf"
        assert reading.value(shared, "Unit", "PartOf") == "schoolserver.target"
        assert reading.value(shared, "Unit", "ConditionPathExists") == "/var/lib/schoolserver/set-up"
        for path in reading.units(f"*.{kind}"):
            started_by_another = path.name in MORE_SERVICES
            wanted = None if started_by_another else "schoolserver.target"
            assert reading.value(path, "Install", "WantedBy") == wanted
            assert path.name.startswith("schoolserver-"), "the shared lines are for units of that name"
    target = reading.unit("schoolserver.target")
    assert reading.value(target, "Unit", "ConditionPathExists") == "/var/lib/schoolserver/set-up"


def test_the_shared_lines_name_no_key_that_a_unit_sets():
    """They are read after the unit and would win."""
    for kind in ("service", "socket", "timer"):
        shared = {(line.section, line.key) for line in reading.lines(reading.UNITS / "shared" / f"{kind}.conf")}
        for path in reading.units(f"*.{kind}"):
            own = {(line.section, line.key) for line in reading.lines(path)}
            add_up = {("Unit", "ConditionPathExists"), ("Unit", "PartOf")}
            assert own & shared <= add_up, f"{path.name}: only conditions, and with whom it ends, add up"


def test_only_what_was_chosen_starts():
    """Conditions of a unit must all hold; the port of slapd gives way while accounts move to a domain."""
    wanted = {
        "schoolserver-directory.service": ["with-slapd"],
        "schoolserver-ldap-port.service": ["with-slapd", "!with-domain"],
        "schoolserver-ldap-port.socket": ["with-slapd", "!with-domain"],
        "schoolserver-domain.service": ["with-domain"],
        "schoolserver-time.service": ["with-domain"],
        "schoolserver-guard.service": ["with-domain"],
        "schoolserver-smb.service": ["with-domain"],
        "schoolserver-smb.socket": ["with-domain"],
        "schoolserver-firewall.service": ["with-wlan"],
        "schoolserver-resolver.service": ["with-wlan"],
        "schoolserver-transparent-http.socket": ["with-wlan"],
        "schoolserver-transparent-tls.socket": ["with-wlan"],
    }
    for path in (*reading.units("*.service"), *reading.units("*.socket")):
        said = reading.values(path, "Unit", "ConditionPathExists")
        assert [one.replace("/var/lib/schoolserver/", "") for one in said] == wanted.get(path.name, []), path.name


def test_the_supervisor_checks_the_settings_and_is_the_server():
    path = reading.unit("schoolserver-supervisor.service")
    assert reading.value(path, "Service", "ExecStartPre") == "/usr/bin/schoolserver check"
    assert reading.value(path, "Install", "Alias") == "schoolserver.service"


def test_there_may_be_as_many_tunnels_as_connections(settings):
    """Each has two descriptors; a service gets the second number when it asks for it."""
    (limit,) = reading.values(reading.UNITS / "shared/service.conf", "Service", "LimitNOFILE")
    usual, _, most = limit.partition(":")
    assert int(usual) <= 8192
    assert int(most) > 2 * settings.proxy.connections
