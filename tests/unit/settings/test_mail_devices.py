"""Devices that hand in mail: where they may be, and as whom they write."""

import pytest

from appliance.settings.check import check
from appliance.settings.load import load

NETWORK = "device_networks: [10.1.30.0/24, 'fd12:3456::/64']\n"
MORE = "- {address: 10.1.30.5, sender: kopierer@schule.example, "
COPIER = "- {address: 10.1.30.5, sender: kopierer@schule.example, name: Kopierer}\n"


def problems(folder, devices, network=NETWORK):
    (folder / "network.yaml").write_text(network)
    (folder / "mail.yaml").write_text(f"devices:\n{devices}")
    return [str(problem) for problem in check(folder)]


def test_devices_are_read(tmp_path):
    assert problems(tmp_path, COPIER + "- {address: 'FD12:3456:0::9', sender: alarm@schule.example}\n") == []
    copier, panel = load(tmp_path).mail.devices
    assert (copier.address, copier.sender, copier.name) == ("10.1.30.5", "kopierer@schule.example", "Kopierer")
    assert (panel.address, panel.name) == ("fd12:3456::9", "")
    assert (panel.recipients_per_message, panel.recipients_per_hour, panel.bytes_per_hour) == (50, 200, 10**9)


@pytest.mark.parametrize(
    ("devices", "place", "part"),
    [
        ("- {address: 10.1.12.5, sender: a@schule.example}\n", "mail.yaml:2: devices[0].address", "device_networks"),
        ("- {address: 10.1.30.0/28, sender: a@schule.example}\n", "mail.yaml:2: devices[0].address", "one IP address"),
        ("- {address: 10.1.30.5, sender: a@elsewhere.example}\n", "mail.yaml:2: devices[0].sender", "@schule.example"),
        ("- {address: 10.1.30.5, sender: a@x@schule.example}\n", "mail.yaml:2: devices[0].sender", "an address"),
        ("- {address: 10.1.30.300, sender: a@schule.example}\n", "mail.yaml:2: devices[0].address", "as 10.1.30.5$"),
        (COPIER + COPIER, "mail.yaml:3: devices[1].address", "another device"),
        ("- {address: 10.1.30.5}\n", "mail.yaml:2: devices[0].sender", "nothing"),
        (f"{MORE}recipients_per_hour: 49}}\n", "mail.yaml:2: devices[0].recipients_per_hour", "at least 50"),
        (f"{MORE}recipients_per_message: 201}}\n", "mail.yaml: devices[0].recipients_per_hour", "at least 201"),
        (COPIER.replace("name: Kopierer", "name: a@b"), "mail.yaml:2: devices[0].name", "without @"),
    ],
)
def test_what_is_no_device(tmp_path, devices, place, part):
    (only,) = problems(tmp_path, devices)
    assert only.startswith(f"{place}: found") and part in f"{only}$", "and no sentence of Python's"


def test_without_device_networks_there_is_no_device(tmp_path):
    (only,) = problems(tmp_path, COPIER, "networks: [10.1.0.0/16]\n")
    assert only.startswith("mail.yaml:2: devices[0].address: found") and "there is none" in only


def test_pcs_and_devices_are_apart(tmp_path):
    (only,) = problems(tmp_path, COPIER, NETWORK + "rooms:\n  12: [10.1.12.0/24, 10.1.30.128/25]\n")
    assert only.startswith("network.yaml:3: rooms.12[1]: found 10.1.30.128/25") and "PCs and devices apart" in only
