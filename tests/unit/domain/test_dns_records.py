"""Which records are wanted, and what becomes of the records at a name."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from appliance.daemon.own_addresses import chosen
from appliance.directory.domain.dns_records import merged, shared_names, wanted
from appliance.directory.domain.group_policy_content import Script
from appliance.directory.domain.group_policy_told import told_by
from appliance.settings.load import Settings, load
from appliance.settings.mail_offers import Record
from appliance.settings.web_script import web_script
from tests.unit.domain.support_told import STAFF

OURS, NEW, THEIRS = Record("A", "10.1.0.2"), Record("A", "10.1.0.9"), Record("A", "192.0.2.7")
TEXT = Record("SRV", "0 0 88 server.schule.example")


def settings(folder: Path, **files: str) -> Settings:
    for name, text in {"school": "domain: schule.example\n", "domain": "host: server\n", **files}.items():
        folder.joinpath(f"{name}.yaml").write_text(text)
    folder.joinpath("directory.yaml").write_text("kind: domain\n")
    return load(folder)


def _of(record: Record) -> tuple[str, str]:
    return record.kind, record.data


def test_every_name_has_each_address_of_the_server(tmp_path: Path) -> None:
    found = wanted(settings(tmp_path), (ip_address("10.1.0.2"), ip_address("fd00::2")))
    both = {Record("A", "10.1.0.2"), Record("AAAA", "fd00::2")}
    for name in (
        "",
        "server.",
        "mail.",
        "proxy.",
        "wpad.",
        "autoconfig.",
        "autodiscover.",
        "gc._msdcs.",
        "DomainDnsZones.",
    ):
        assert found[f"{name}schule.example"] == both, name


def test_mail_programs_are_told_what_is_served_and_what_is_not(tmp_path: Path) -> None:
    files = {"network": 'listen: {imap: "0.0.0.0:1143"}\n', "certificates": "names: [post.schule.example]\n"}
    found = wanted(settings(tmp_path, **files), (ip_address("10.1.0.2"),))
    told = {name: data for name, records in found.items() for kind, data in map(_of, records) if kind == "SRV"}
    assert told == {
        "_imaps._tcp.schule.example": "0 1 993 post.schule.example",
        "_imap._tcp.schule.example": "10 1 1143 post.schule.example",
        "_submissions._tcp.schule.example": "0 1 465 post.schule.example",
        "_submission._tcp.schule.example": "10 1 587 post.schule.example",
        "_autodiscover._tcp.schule.example": "0 0 443 autodiscover.schule.example",
        "_pop3._tcp.schule.example": "0 0 0 .",
        "_pop3s._tcp.schule.example": "0 0 0 .",
    }


def test_what_listens_for_this_machine_only_is_told_to_nobody(tmp_path: Path) -> None:
    here = settings(tmp_path, network='listen: {imap: "127.0.0.1:143", proxy-tls: "127.0.0.1:3129"}\n')
    assert "_imap._tcp.schule.example" not in wanted(here, (ip_address("10.1.0.2"),))
    assert told_by(here, None, ()).proxy is None


def test_a_server_without_an_address_wants_nothing(tmp_path: Path) -> None:
    assert wanted(settings(tmp_path), ()) == {}


@pytest.mark.parametrize(
    ("present", "ours", "new", "after"),
    [
        (set(), set(), {NEW}, {NEW}),
        ({OURS}, {OURS}, {NEW}, {NEW}),  # the address has changed
        ({OURS, THEIRS}, {OURS}, {NEW}, {NEW, THEIRS}),  # a carer has added one
        ({THEIRS}, {OURS}, {NEW}, {THEIRS}),  # a carer has put his own in place of ours
        ({THEIRS}, set(), {NEW}, {THEIRS}),  # his name was there first
        (set(), {OURS}, {OURS}, {OURS}),  # ours was removed
        ({OURS, TEXT}, {OURS}, {NEW}, {NEW, TEXT}),  # other kinds are not touched
        ({OURS, THEIRS}, {OURS}, set(), {THEIRS}),  # we want the name no more
        ({NEW}, {OURS}, {NEW}, {NEW}),  # cut after the records, before the note
    ],
)
def test_what_is_the_carers_stays(
    present: set[Record], ours: set[Record], new: set[Record], after: set[Record]
) -> None:
    assert merged(present, ours, new) == after


def test_at_a_shared_name_another_controller_is_no_rival(tmp_path: Path) -> None:
    assert merged({THEIRS}, {OURS}, {NEW}, shared=True) == {THEIRS, NEW}
    assert "schule.example" in shared_names(settings(tmp_path))


def test_addresses_are_those_that_pcs_can_reach() -> None:
    cards = {
        "lo": ["127.0.0.1", "::1"],
        "lan0": ["10.1.0.2", "fe80::1%lan0", "fd00::2"],
        "docker0": ["172.17.0.1"],
        "wan": ["192.0.2.4"],
    }
    ten, six = ip_address("10.1.0.2"), ip_address("fd00::2")
    networks = [ip_network("10.1.0.0/16"), ip_network("fd00::/48")]
    assert chosen(cards, networks, ()) == (ten, six)
    assert chosen(cards, (), ("lan*",)) == (ten, six)
    assert chosen(cards, (), ("10.1.0.0/24", "fd00::2")) == (ten, six)
    assert len(chosen(cards, (), ())) == 4
    assert chosen({"lo": ["127.0.0.1"]}, (), ()) == ()


def test_drives_and_proxy_are_as_the_settings_say(tmp_path: Path) -> None:
    files = {"pcs": "home_drive: u\ngroups_drive: null\ncached_log_ons: 2\nlock_after: 5 min\n"}
    told = told_by(settings(tmp_path, **files), b"DER", STAFF)
    assert [(one.letter, one.path) for one in told.drives] == [
        ("U", r"\\server.schule.example\Home"),
        ("S", r"\\server.schule.example\Staff"),
    ]
    assert (told.cached_log_ons, told.lock_after) == (2, 300)
    assert told.proxy == Script(web_script(settings(tmp_path, **files)))


def test_without_a_group_of_the_staff_there_is_no_drive_for_it(tmp_path: Path) -> None:
    assert [one.letter for one in told_by(settings(tmp_path), None, ()).drives] == ["H", "G"]


def test_a_proxy_is_named_as_its_certificate_names_it(tmp_path: Path) -> None:
    told = told_by(settings(tmp_path, certificates="names: [10.1.0.2, schulserver.schule.example]\n"), None, ())
    assert isinstance(told.proxy, Script) and '"HTTPS schulserver.schule.example:3129"' in told.proxy.text
