"""``alerts.yaml``: addresses that can be reached, and what belongs together."""

import pytest

from appliance.settings.check import check
from appliance.settings.load import load
from appliance.settings.proxy import Destination


def problems(folder, alerts):
    (folder / "alerts.yaml").write_text(alerts, encoding="utf-8")
    return [str(problem) for problem in check(folder)]


def test_without_a_file_nobody_is_told(tmp_path):
    found = load(tmp_path).alerts
    assert (found.to, found.smarthost, found.after, found.repeat) == ((), None, 600.0, 86400.0)


def test_values(tmp_path):
    text = "to: [ada.admin@schule.example, carer@town.example]\nsmarthost: Mail.Town.example:465\nencryption: tls\n"
    (tmp_path / "alerts.yaml").write_text(text)
    found = load(tmp_path).alerts
    assert found.to == ("ada.admin@schule.example", "carer@town.example")
    assert found.smarthost == Destination("mail.town.example", 465)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("to: [carer@town.example]", "without smarthost"),
        ("to: [carer@notschule.example]", "without smarthost"),
        ("login: server", "one of login and password_file"),
        ("password_file: /etc/schoolserver/x", "one of login and password_file"),
        ("to: ['carer@town.example\\nBcc: x']", "a mail address"),
        ("to: [ada.admin]", "a mail address"),
        ("smarthost: town.example", "host"),
        ("encryption: none", "starttls"),
        ("after: 1 s", "10 s"),
    ],
)
def test_what_does_not_work_is_said(tmp_path, text, problem):
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert problem in found[0]


def test_an_address_of_the_school_needs_no_smarthost(tmp_path):
    assert problems(tmp_path, "to: [Ada.Admin@Schule.Example]") == []
