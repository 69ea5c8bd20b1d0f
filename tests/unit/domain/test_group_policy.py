"""What PCs are told: read back by Samba's parser and by ElementTree, compared with golden files."""

import hashlib
import json
import struct
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.directory.domain.group_policy_content import Script, machine_content, user_content
from appliance.directory.domain.group_policy_drives import Drive, drives_xml
from appliance.directory.domain.group_policy_registry import Value, certificate_value, registry_pol
from tests.unit.domain.support_told import STAFF, TOLD

GOLDEN = Path(__file__).with_name("golden")
PAC = "http://wpad.schule.example/wpad.dat"


def parsed(data: bytes) -> list[tuple[str, str, int, Any]]:
    """Give key, name, type and data of each value, as Samba reads them."""
    preg = pytest.importorskip("samba.dcerpc.preg")
    file = pytest.importorskip("samba.ndr").ndr_unpack(preg.file, data)
    assert (file.header.signature, file.header.version) == ("PReg", 1)
    return [(one.keyname, one.valuename, one.type, one.data) for one in file.entries]


def test_the_machine_is_told_what_the_golden_file_says() -> None:
    rows = parsed(machine_content(TOLD).files["Registry.pol"])
    lines = [f"{key} | {name} | {kind} | {bytes(data).hex() if kind == 3 else data}" for key, name, kind, data in rows]
    assert "\n".join(lines) + "\n" == (GOLDEN / "machine.txt").read_text()


def test_the_drives_are_what_the_golden_file_says() -> None:
    assert drives_xml(TOLD.drives).encode() == (GOLDEN / "Drives.xml").read_bytes()


def test_every_type_of_value_comes_back() -> None:
    values = [
        Value("A;[B]", "n", 4_000_000_000),
        Value("A", "Ü", "Text; [mit] Umlauten: ä 漢"),
        Value("B", "b", b"\0;\xff"),
    ]
    assert [(key, name, kind) for key, name, kind, _ in parsed(registry_pol(values))] == [
        ("A;[B]", "n", 4),
        ("A", "Ü", 1),
        ("B", "b", 3),
    ]
    number, text, raw = (data for *_, data in parsed(registry_pol(values)))
    assert (number, text, bytes(raw)) == (4_000_000_000, "Text; [mit] Umlauten: ä 漢", b"\0;\xff")


def test_no_value_is_longer_than_the_format_can_say() -> None:
    with pytest.raises(ValueError, match="70000 bytes"):
        registry_pol([Value("A", "b", b"x" * 70_000)])


def test_the_certificate_stands_in_the_store_under_its_own_fingerprint() -> None:
    value = certificate_value("Root", b"DER")
    digest = hashlib.sha1(b"DER", usedforsecurity=False)
    assert value.key.endswith(rf"\SystemCertificates\Root\Certificates\{digest.hexdigest().upper()}")
    assert isinstance(value.data, bytes)
    found, rest = {}, value.data
    while rest:
        number, one, length = struct.unpack_from("<III", rest)
        assert one == 1
        found[number], rest = rest[12 : 12 + length], rest[12 + length :]
    assert found == {3: digest.digest(), 32: b"DER"}


def test_without_an_authority_no_store_is_touched() -> None:
    keys = {key for key, *_ in parsed(machine_content(replace(TOLD, authority=None)).files["Registry.pol"])}
    assert not any("Certificates" in key for key in keys)


def test_a_pac_file_is_told_to_windows_and_to_every_browser() -> None:
    told = replace(TOLD, proxy=PAC)
    machine = {(key, name): data for key, name, _, data in parsed(machine_content(told).files["Registry.pol"])}
    user = {(key, name): data for key, name, _, data in parsed(user_content(told).files["Registry.pol"])}
    for browser in (r"Software\Policies\Microsoft\Edge", r"Software\Policies\Google\Chrome"):
        assert json.loads(machine[browser, "ProxySettings"]) == {"ProxyMode": "pac_script", "ProxyPacUrl": PAC}
    assert machine[r"Software\Policies\Mozilla\Firefox\Proxy", "AutoConfigURL"] == PAC
    assert user[r"Software\Microsoft\Windows\CurrentVersion\Internet Settings", "AutoConfigURL"] == PAC


def test_who_wants_no_proxy_is_told_nothing_of_one() -> None:
    told = replace(TOLD, proxy=None)
    assert not any("proxy" in name.lower() for _, name, *_ in parsed(machine_content(told).files["Registry.pol"]))
    assert "Registry.pol" not in user_content(told).files


def test_the_servers_own_script_is_in_the_policy_for_every_browser_and_not_for_windows() -> None:
    assert isinstance(TOLD.proxy, Script)
    machine = {(key, name): data for key, name, _, data in parsed(machine_content(TOLD).files["Registry.pol"])}
    url = machine[r"Software\Policies\Mozilla\Firefox\Proxy", "AutoConfigURL"]
    head, _, script = url.partition(";base64,")
    assert (head, b64decode(script).decode()) == ("data:application/x-ns-proxy-autoconfig", TOLD.proxy.text)
    for browser in (r"Software\Policies\Microsoft\Edge", r"Software\Policies\Google\Chrome"):
        wanted = {"ProxyMode": "pac_script", "ProxyPacUrl": url, "ProxyPacMandatory": True}
        assert json.loads(machine[browser, "ProxySettings"]) == wanted
    assert "Registry.pol" not in user_content(TOLD).files


def test_each_half_names_the_parts_of_windows_that_read_it_in_order() -> None:
    halves = [user_content(TOLD), user_content(replace(TOLD, proxy=PAC)), user_content(replace(TOLD, drives=()))]
    for half in (machine_content(TOLD), *halves):
        parts = [part.split("}{")[0].strip("[{") for part in half.extensions.split("]") if part]
        assert parts == sorted(parts)
        assert bool(half.files) == bool(half.extensions)
    assert "{5794DAFD-BE60-433F-88A2-1A31939AC01F}" in halves[0].extensions
    assert halves[2].extensions == ""


def test_drives_are_read_back_with_their_conditions() -> None:
    root = ElementTree.fromstring(drives_xml(TOLD.drives).encode())
    found = [drive.find("Properties") for drive in root]
    assert [one.attrib["letter"] for one in found if one is not None] == ["H", "G", "S"]
    assert [one.attrib["path"] for one in found if one is not None] == [drive.path for drive in TOLD.drives]
    staff = root.findall("Drive")[2].findall("Filters/FilterGroup")
    assert [(one.attrib["name"], one.attrib["sid"], one.attrib["bool"]) for one in staff] == [
        (STAFF[0].name, STAFF[0].sid, "AND"),
        (STAFF[1].name, STAFF[1].sid, "OR"),
    ]


def test_a_drive_is_the_same_item_whatever_stands_beside_it() -> None:
    alone = ElementTree.fromstring(drives_xml([Drive("H", r"\\x\Home", "Home")]).encode())[0]
    among = ElementTree.fromstring(drives_xml(TOLD.drives).encode())[0]
    assert alone.attrib["uid"] == among.attrib["uid"]
