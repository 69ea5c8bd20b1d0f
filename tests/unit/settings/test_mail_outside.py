"""``mail.yaml``, ``outside``: what belongs together."""

from pathlib import Path

import pytest

from appliance.policy.account import Role
from appliance.settings.check import check
from appliance.settings.load import load
from appliance.settings.proxy import Destination

WAY = "smarthost: Mail.Town.example:587"


def problems(folder, *lines):
    (folder / "mail.yaml").write_text("outside:\n" + "".join(f"  {line}\n" for line in lines), encoding="utf-8")
    return [str(problem) for problem in check(folder)]


def test_by_default_nobody_writes_to_the_outside_nor_hears_of_it(tmp_path):
    found = load(tmp_path).mail.outside
    assert (found.send, found.receive, found.smarthost, found.relays, found.scan_all) == ((), (), None, (), False)


def test_values(tmp_path):
    lines = ("send: [teacher]", WAY, "clamd: /run/clamav/clamd.ctl", "milter: 127.0.0.1:11332", "dkim_selector: s1")
    assert problems(tmp_path, *lines) == []
    found = load(tmp_path).mail.outside
    assert (found.send, found.smarthost) == ((Role.TEACHER,), Destination("mail.town.example", 587))
    assert (found.clamd, found.milter) == (Path("/run/clamav/clamd.ctl"), Destination("127.0.0.1", 11332))
    assert problems(tmp_path, "smarthost: mail.town.example:465", "encryption: tls") == []
    assert problems(tmp_path, "scan_all: true", "milter: 127.0.0.1:11332") == []


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["send: [teacher]"], "no way out"),
        (["receive: [teacher]"], "nobody who may bring it"),
        (["send: [everybody]", WAY], "one of pupil"),
        (["login: x"], "login alone"),
        (["password_file: /x"], "password_file alone"),
        (["smarthost: mail"], "and a port"),
        (["encryption: none"], "starttls"),
        (["clamd: clamd.ctl"], "a path"),
        (["dkim_selector: a.b"], "letters"),
        (["retry_first: 2 h"], "retry_first longer than retry_last"),
        (["delayed: 4 days"], "delayed longer than expire"),
        (["retry_last: 4 days"], "retry_last longer than expire"),
        (["relays: [mail.town.example]"], "network"),
        (["scan_all: true"], "nothing that looks through mail"),
        (["smarthost: mail.town.example:465"], "encryption: tls at port 465"),
    ],
)
def test_what_does_not_work_is_said(tmp_path, lines, problem):
    found = problems(tmp_path, *lines)
    assert len(found) == 1 and problem in found[0], found
    assert found[0].startswith("mail.yaml:"), "file and line"


def test_a_relay_in_the_schools_networks_is_a_single_address(tmp_path):
    (tmp_path / "network.yaml").write_text(
        "networks: [10.1.0.0/16, 'fd12::/48']\nrooms: {'12': [10.1.12.0/24]}\ndevice_networks: [10.1.30.0/24]\n"
    )
    assert problems(tmp_path, "relays: [10.1.0.25, 192.0.2.0/28, '2001:db8::/64']") == []
    for wrong, near in (("10.1.0.0/28", "10.1.0.0/16"), ("10.1.12.7", "10.1.12.0/24"), ("10.1.30.7", "10.1.30.0/24")):
        (found,) = problems(tmp_path, f"relays: [192.0.2.25, {wrong}]")
        assert f"meets the school's network {near}" in found and "relays[1]" in found


@pytest.mark.parametrize("relay", ["0.0.0.0/0", "10.0.0.0/8", "'::/0'"])
def test_not_everybody_is_a_relay(tmp_path, relay):
    (found,) = problems(tmp_path, f"relays: [{relay}]")
    assert "very wide" in found
