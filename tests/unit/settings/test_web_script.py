"""What browsers are told, from the settings: names, networks, ways to the proxy."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from appliance.settings.load import Settings, load
from appliance.settings.names import certified_names
from appliance.settings.web_script import web_script, web_ways

LINE = re.compile(r"^var (\w+) = (.*);$", re.MULTILINE)


def settings(folder: Path, **files: str) -> Settings:
    for name, text in {"school": "domain: schule.example\n", **files}.items():
        (folder / f"{name}.yaml").write_text(text)
    return load(folder)


def told(of: Settings) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in LINE.findall(web_script(of))}


@pytest.mark.parametrize(
    ("listen", "ways"),
    [
        ({}, ["HTTPS mail.schule.example:3129"]),
        ({"proxy": "0.0.0.0:3128"}, ["HTTPS mail.schule.example:3129", "PROXY mail.schule.example:3128"]),
        ({"proxy": "[::]:8080", "proxy-tls": "127.0.0.1:3129"}, ["PROXY mail.schule.example:8080"]),
        ({"proxy-tls": "[::1]:2129"}, ["HTTPS mail.schule.example:2129"]),
    ],
)
def test_the_proxy_is_named_where_others_can_reach_it(tmp_path: Path, listen: dict[str, str], ways: list[str]) -> None:
    found = settings(tmp_path, network=json.dumps({"listen": listen}))
    assert list(web_ways(found)) == ways
    assert told(found)["way"] == "; ".join(ways)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"directory": "kind: domain\n"},
        {"directory": "kind: domain\n", "domain": "name: ad.schule.example\n"},
        {"certificates": "names: [10.1.0.2, schulserver.schule.example]\n", "network": "networks: [10.1.0.0/16]\n"},
    ],
)
def test_the_proxy_is_named_as_its_certificate_names_it(tmp_path: Path, files: dict[str, str]) -> None:
    found = settings(tmp_path, **files)
    (way,) = web_ways(found)
    assert way.partition(" ")[2].rpartition(":")[0] in certified_names(found, "proxy")


def test_the_school_is_inside_by_its_names_and_all_its_networks(tmp_path: Path) -> None:
    for name in ("cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    own = f"certificate: {tmp_path}/cert.pem\nkey: {tmp_path}/key.pem\n"
    network = {
        "networks": ["10.1.0.0/16", "fd12:3456:789a::/48"],
        "device_networks": ["10.1.30.0/24", "10.9.0.0/24"],
    }
    found = told(
        settings(
            tmp_path,
            network=json.dumps(network),
            directory="kind: domain\n",
            domain="name: ad.schule.example\n",
            certificates=f"names: [192.0.2.2, post.schule.example, schule.town.example, evilschule.example]\n{own}",
            proxy="exceptions: ['Intranet.Schule.Example:8443', '[fd12:3456:789a::7]:80']\n",
        )
    )
    assert found["names"] == [
        "schule.example",
        "ad.schule.example",
        "schule.town.example",
        "evilschule.example",
        "localhost",
        "local",
        "home.arpa",
    ]
    ours = {"10.1.0.0/16", "10.9.0.0/24", "192.0.2.2/32", "fd12:3456:789a::/48"}
    assert set(found["networks"]) == ours | {"127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"}
    assert found["through"] == [["intranet.schule.example", 8443], ["fd12:3456:789a::7", 80]]


def test_a_school_that_names_rooms_alone_has_their_networks(tmp_path: Path) -> None:
    found = told(settings(tmp_path, network="rooms: {library: [10.2.7.7, 10.2.8.0/24]}\n"))
    assert {"10.2.7.7/32", "10.2.8.0/24"} <= set(found["networks"])
