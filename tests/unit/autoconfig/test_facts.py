"""Facts as the settings say them, and what is an address of the school."""

from pathlib import Path

import pytest

from appliance.autoconfig.facts import facts
from appliance.settings.load import load
from tests.unit.autoconfig.support import FACTS


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("fred.mustermann@schule.example", "fred.mustermann"),
        (" Fred.Mustermann@Schule.Example ", "fred.mustermann"),
        ("fred", "fred"),
        ("fred@elsewhere.example", None),
        ("fred@", None),
        ("@schule.example", None),
        ("", None),
        ("fred@x@schule.example", None),
        (".fred@schule.example", None),
        ("fr..ed@schule.example", None),
        ("<b>@schule.example", None),
        ("frеd@schule.example", None),  # a Cyrillic letter
        ("f" * 65 + "@schule.example", None),
        ("fred\r\nx@schule.example", None),
        ("fred@ſchule.example", None),
    ],
)
def test_the_login_of_an_address(address: str, login: str | None) -> None:
    assert FACTS.login_of(address) == login


def test_a_school_with_a_certificate_of_its_own_tells_of_no_authority(tmp_path: Path) -> None:
    for name in ("cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    assert facts(load(tmp_path), b"DER").authority == b"DER"
    text = f"certificate: {tmp_path}/cert.pem\nkey: {tmp_path}/key.pem\nnames: [post.schule.example]\n"
    (tmp_path / "certificates.yaml").write_text(text)
    told = facts(load(tmp_path), b"DER")
    assert told.authority is None
    assert (told.home, set(told.names)) == ("https://post.schule.example", {"post.schule.example"})


def test_a_demo_on_this_machine_tells_its_own_ports(tmp_path: Path) -> None:
    ports = {"imaps": 2993, "imap": 2143, "submissions": 2465, "submission": 2587, "https": 2543}
    listen = "".join(f"  {name}: 127.0.0.1:{port}\n" for name, port in ports.items())
    (tmp_path / "network.yaml").write_text(f"listen:\n{listen}")
    told = facts(load(tmp_path), None)
    assert [one.port for one in (*told.imap, *told.smtp)] == [2993, 2143, 2465, 2587]
    assert told.home.endswith(":2543")


def test_there_is_always_a_way_to_tell(tmp_path: Path) -> None:
    (tmp_path / "network.yaml").write_text('listen: {imaps: "127.0.0.1:993", imap: "127.0.0.1:143"}\n')
    told = facts(load(tmp_path), None)
    assert [one.port for one in told.imap] == [993, 143]
