"""The table of units: complete, in an order that exists, with nobody's sockets open to others."""

from dataclasses import replace
from graphlib import TopologicalSorter
from ipaddress import ip_network

import pytest

from appliance.settings.load import load
from appliance.supervisor.launcher.unit import Readiness, UnixListener
from appliance.supervisor.launcher.units import school_units


@pytest.fixture
def settings(tmp_path):
    return load(tmp_path)


def test_every_part_is_there(settings):
    names = [unit.name for unit in school_units(settings)]
    assert sorted(names) == [
        "audit",
        "auth",
        "autoconfig",
        "directory",
        "fileshare",
        "imap",
        "ldap-port",
        "mail",
        "outbound",
        "privileged",
        "proxy",
        "supervisor",
    ]


def test_a_wlan_brings_its_rules_its_names_and_two_ports_of_the_proxy(settings):
    before = {unit.name: unit for unit in school_units(settings)}
    wlan = replace(settings.network, wlan_networks=(ip_network("10.1.64.0/18"),))
    after = {unit.name: unit for unit in school_units(replace(settings, network=wlan))}
    assert after.keys() - before.keys() == {"firewall", "resolver"}
    assert after["resolver"].after == ("firewall",), "its port is open to everybody until the rules stand"
    more = {(one.name, one.needed) for one in after["proxy"].listeners} - {
        (one.name, one.needed) for one in before["proxy"].listeners
    }
    assert more == {("transparent-http", False), ("transparent-tls", False)}


def test_without_a_directory_of_our_own_nobody_waits_for_it(settings):
    elsewhere = replace(settings, directory=replace(settings.directory, kind="ldap"))
    units = school_units(elsewhere)
    assert {"directory", "ldap-port"}.isdisjoint(unit.name for unit in units)
    assert all("directory" not in unit.after for unit in units)


def test_nobody_waits_for_an_unknown_unit_or_in_a_circle(settings):
    units = school_units(settings)
    order = list(TopologicalSorter({unit.name: unit.after for unit in units}).static_order())
    assert sorted(order) == sorted(unit.name for unit in units)


def test_local_sockets_are_closed_to_others_and_lie_in_a_folder_of_their_unit(settings):
    for unit in school_units(settings):
        for listener in unit.listeners:
            if isinstance(listener, UnixListener):
                assert listener.mode & 0o007 == 0
                assert listener.path.parent in {folder.path for folder in unit.folders}


def test_only_the_door_of_the_drives_is_open_to_everybody_and_there_with_a_domain_only(settings):
    """Samba asks it for the size of a drive as whoever uses it; each of its questions looks at who asks."""
    with_domain = replace(settings, directory=replace(settings.directory, kind="domain"))
    for kind, wanted in ((settings, []), (with_domain, ["smb"])):
        listeners = [(unit.name, one) for unit in school_units(kind) for one in unit.listeners]
        assert [name for name, one in listeners if isinstance(one, UnixListener) and one.mode & 0o007] == wanted
    door = next(unit for unit in school_units(with_domain) if unit.name == "smb")
    modes = {folder.path: folder.mode for folder in door.folders}
    assert modes[door.listeners[0].path.parent] & 0o022 == 0, "nobody else puts a link or a socket there"


def test_programs_are_told_where_the_settings_are(settings):
    for unit in school_units(settings):
        assert unit.argv[0].startswith("/")
        if unit.name != "ldap-port":
            assert unit.argv[-2:] == ("--settings", str(settings.folder))


def test_slapd_is_ready_when_it_answers_and_has_no_reload(settings):
    unit = next(unit for unit in school_units(settings) if unit.name == "directory")
    assert (unit.readiness, unit.reload_signal) == (Readiness.CONNECT, None)
    assert unit.ready_socket == settings.server.runtime / "directory" / "ldapi.sock"
