"""What is told of the ways to mail, and by which names."""

from pathlib import Path

import pytest

from appliance.settings.load import Settings, load
from appliance.settings.mail_offers import offers, service_records
from appliance.settings.names import certified_names, name_for

SCHOOL = "domain: schule.example\n"


def settings(folder: Path, **files: str) -> Settings:
    for name, text in {"school": SCHOOL, **files}.items():
        folder.joinpath(f"{name}.yaml").write_text(text)
    return load(folder)


@pytest.mark.parametrize(("protocol", "ports"), [("imap", [993, 143]), ("smtp", [465, 587])])
def test_tls_at_once_comes_first(tmp_path: Path, protocol: str, ports: list[int]) -> None:
    found = offers(settings(tmp_path), protocol)
    assert [(one.port, one.at_once, one.host) for one in found] == [
        (ports[0], True, "mail.schule.example"),
        (ports[1], False, "mail.schule.example"),
    ]


def test_what_listens_for_this_machine_only_is_told_there_only(tmp_path: Path) -> None:
    inside = settings(tmp_path, network='listen: {imaps: "127.0.0.1:993", https: "[::1]:443"}\n')
    assert [one.port for one in offers(inside, "imap")] == [143]
    assert [one.port for one in offers(inside, "imap", inside=True)] == [993, 143]
    assert {"_imaps._tcp.x.example", "_autodiscover._tcp.x.example"}.isdisjoint(service_records(inside, "x.example"))


def test_outlook_is_not_sent_to_a_port_that_it_does_not_know(tmp_path: Path) -> None:
    assert "_autodiscover._tcp.x.example" not in service_records(
        settings(tmp_path, network='listen: {https: "0.0.0.0:8443"}\n'), "x.example"
    )


def test_the_certificate_has_every_name_that_programs_ask_for(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert certified_names(found, "autoconfig") == (
        "mail.schule.example",
        "autoconfig.schule.example",
        "autodiscover.schule.example",
        "schule.example",
    )
    assert certified_names(found, "mail") == ("mail.schule.example",)
    for service in ("mail", "autoconfig", "autodiscover"):
        assert name_for(found, service) in certified_names(found, "autoconfig")


def test_a_certificate_of_the_schools_own_is_asked_for_its_own_names_only(tmp_path: Path) -> None:
    for name in ("cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    text = f"certificate: {tmp_path}/cert.pem\nkey: {tmp_path}/key.pem\nnames: [post.schule.example]\n"
    found = settings(tmp_path, certificates=text)
    assert name_for(found, "autoconfig") == name_for(found, "autodiscover") == "post.schule.example"
    (record,) = service_records(found, "x.example")["_autodiscover._tcp.x.example"]
    assert record.data == "0 0 443 post.schule.example"
