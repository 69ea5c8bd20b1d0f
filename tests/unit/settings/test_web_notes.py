"""What ``schoolserver check`` asks to look twice at in web.yaml."""

import pytest

from appliance.filter.sources import OWN
from appliance.settings.load import load
from appliance.settings.web_notes import SHIPPED, web_notes

PUPIL = "blocked_categories: {pupil: [adult]}"


def test_the_categories_of_the_package_are_known():
    assert {path.stem for path in OWN.glob("*.list")} == SHIPPED


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("{}", []),
        ("rules: [{verdict: block, categories: [doh, address, unlisted, adult]}]", []),
        (
            "rules: [{verdict: block, categories: [gamess, adult]}]",
            ["web.yaml:1 rules[0]: no list of web.yaml has gamess"],
        ),
        ("lists: {own: {gamess: [a.example]}}\nrules: [{verdict: block, categories: [gamess]}]", []),
        (f"{PUPIL}\nlists: {{sources: []}}", ["web.yaml:1 blocked_categories: no list of web.yaml has adult"]),
        ("always: [com, a.example]", ["web.yaml:1 always: com means all sites that end so"]),
        ("rules: [{verdict: block, targets: [xxx]}]", ["web.yaml:1 rules[0]: xxx means all sites that end so"]),
        ("lists: {own: {a: [b.example], g: [de]}}", ["web.yaml:1 lists.own: de means all sites that end so"]),
    ],
)
def test_what_may_be_a_slip_is_said_with_its_line(tmp_path, text, notes):
    (tmp_path / "web.yaml").write_text(text)
    assert web_notes(load(tmp_path)) == notes
