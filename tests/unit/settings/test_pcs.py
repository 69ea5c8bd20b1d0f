"""What PCs are told, as pcs.yaml says it."""

from __future__ import annotations

import pytest

from appliance.daemon.options_reading import SettingsError
from appliance.settings.load import load
from appliance.settings.names import name_for, server_names


def test_the_defaults(tmp_path):
    pcs = load(tmp_path).pcs
    assert (pcs.home_drive, pcs.groups_drive, pcs.staff_drive) == ("H", "G", "S")
    assert (pcs.proxy, pcs.cached_log_ons, pcs.lock_after) == ("auto", 0, 600)


def test_a_letter_is_taken_as_people_write_it(tmp_path):
    (tmp_path / "pcs.yaml").write_text("home_drive: u\ngroups_drive: 'T:'\nstaff_drive: null\n")
    pcs = load(tmp_path).pcs
    assert (pcs.home_drive, pcs.groups_drive, pcs.staff_drive) == ("U", "T", None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("home_drive: C", "a drive letter from D to Z"),
        ("home_drive: HH", "a drive letter from D to Z"),
        ("home_drive: G", "drive G twice"),
        ("groups_drive: s", "drive S twice"),
        ("proxy: wpad.schule.example", "URL of a PAC file"),
        ("proxy: http://wpad.schule.example/a b", "URL of a PAC file"),
        ("cached_log_ons: 51", "50"),
        ("lock_after: 10", "with its unit"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, told):
    (tmp_path / "pcs.yaml").write_text(f"{text}\n")
    with pytest.raises(SettingsError, match=told):
        load(tmp_path)


def test_names_of_a_server_without_a_domain_are_those_of_its_mail(tmp_path):
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    assert server_names(load(tmp_path)) == ("mail.schule.example",)


def test_a_server_with_a_domain_is_also_its_proxy_and_itself(tmp_path):
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    (tmp_path / "domain.yaml").write_text("host: server\n")
    (tmp_path / "directory.yaml").write_text("kind: domain\n")
    settings = load(tmp_path)
    assert server_names(settings) == ("mail.schule.example", "proxy.schule.example", "server.schule.example")
    assert name_for(settings, "proxy") == "proxy.schule.example"


def test_who_names_the_server_by_addresses_alone_still_gets_a_name(tmp_path):
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    (tmp_path / "domain.yaml").write_text("host: server\n")
    (tmp_path / "certificates.yaml").write_text("names: [10.1.0.2]\n")
    settings = load(tmp_path)
    assert server_names(settings) == ("10.1.0.2",)
    assert name_for(settings, "mail") == "server.schule.example"
