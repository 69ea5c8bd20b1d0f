"""The closed table of units that may be restarted is the supervisor's table."""

from dataclasses import replace
from ipaddress import ip_network

from appliance.privileged.units import UNITS
from appliance.settings.load import load
from appliance.supervisor.launcher.systemd import service_of
from appliance.supervisor.launcher.units import school_units


def test_the_closed_table_has_each_unit_and_nothing_else(tmp_path):
    settings = load(tmp_path)
    wlan = replace(settings.network, wlan_networks=(ip_network("10.1.64.0/18"),))
    settings = replace(settings, network=wlan)
    kinds = [replace(settings, directory=replace(settings.directory, kind=kind)) for kind in ("slapd", "domain")]
    assert set(UNITS) == {unit.name for one in kinds for unit in school_units(one)}


def test_both_sides_mean_the_same_unit_of_systemd():
    assert service_of("mail") == "schoolserver-mail.service"
