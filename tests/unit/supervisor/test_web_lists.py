"""The row of status about lists, and their renewal as the supervisor asks for it."""

import json
import socket
import threading
from dataclasses import replace

import pytest

from appliance.filter import sources
from appliance.policy.account import Service
from appliance.policy.web_rules import WebRules
from appliance.settings.load import load
from appliance.supervisor.lists_renewal import NotRenewed, renew
from appliance.supervisor.web_lists import check_lists, told
from tests.unit.filter.support_lists import serving
from tests.unit.supervisor.scenery import settings


@pytest.fixture
def school(tmp_path):
    """Gives settings with a list from a web server, and the server."""
    with serving() as site:
        site.files["/games"] = b"spiele.example\n"
        source = {"url": f"{site.url}/games", "format": "domains", "categories": ["games"]}
        files = {
            "web": {"lists": {"sources": [source]}, "blocked_categories": {"pupil": ["games"]}},
            "server": {"state": str(tmp_path), "launcher": "children", "identity": "same"},
        }
        (tmp_path / "etc").mkdir()
        for name, content in files.items():
            (tmp_path / "etc" / f"{name}.yaml").write_text(json.dumps(content))
        yield load(tmp_path / "etc"), site


def test_nothing_is_blocked_until_lists_were_renewed_and_then_the_row_is_well(school):
    found, site = school
    assert not check_lists(found)["ok"]
    seen = []
    shipped = sum(1 for _ in sources.shipped())
    done = renew(found, lambda *said: seen.append(said))
    assert done == {"lists": 1, "problems": 0, "entries": 1 + shipped, "why": ""}
    assert seen[-1] == (1000, 1000, "done")
    row = check_lists(found)
    assert row == {"name": "web lists", "ok": True, "text": row["text"]} and f"{1 + shipped} entries in " in row["text"]
    site.files["/games"] = b"de\n"
    assert renew(found, lambda *_: None)["problems"] == 1
    (one,) = told(found)["lists"]
    assert one["categories"] == ("games",) and "a public suffix" in one["problem"]
    assert renew(found, lambda *_: None, ask=False)["problems"] == 1


def test_where_no_web_is_open_or_nothing_is_closed_none_is_needed(school):
    found, _ = school
    offline = tuple(rule for rule in found.access.rules if Service.WEB not in rule.services)
    assert check_lists(replace(found, access=replace(found.access, rules=offline)))["text"].startswith("not needed")
    assert check_lists(replace(found, web_rules=WebRules()))["ok"]


def test_a_record_that_cannot_be_read_is_told(school):
    found, _ = school
    (found.server.state / "filter").mkdir()
    (found.server.state / "filter" / "record.json").write_text("broken")
    assert "cannot be read" in check_lists(found)["text"]


def unit(found, tmp_path, answer):
    """Play the unit's socket; gives the settings of a server whose units are systemd's, and what was asked."""
    (tmp_path / "lists").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "lists" / "lists.sock"))
    listener.listen()
    asked = []

    def serve():
        with listener, listener.accept()[0] as connection, connection.makefile("rwb") as both:
            asked.append(json.loads(both.readline()))
            both.write(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return replace(found, server=replace(found.server, launcher="systemd", runtime=tmp_path)), asked, thread


def test_the_unit_is_reached_over_its_socket(school, tmp_path):
    installed, asked, thread = unit(school[0], tmp_path, b'{"progress": [1, 2, "x"]}\n{"result": {"lists": 3}}\n')
    assert renew(installed, lambda *_: None, smaller=True) == {"lists": 3}
    thread.join()
    assert asked == [{"ask": True, "smaller": True}]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(b'{"error": {"kind": "disk", "text": "full"}}\n', "disk"), (b"", "internal"), (b"x\n", "internal")],
)
def test_a_renewal_that_fails_says_why(school, tmp_path, answer, kind):
    installed, _, thread = unit(school[0], tmp_path, answer)
    with pytest.raises(NotRenewed) as problem:
        renew(installed, lambda *_: None)
    thread.join()
    assert problem.value.kind == kind


def test_a_host_without_the_web_renews_none(tmp_path):
    there = replace(settings(), server=replace(settings().server, launcher="systemd", runtime=tmp_path))
    with pytest.raises(NotRenewed, match="install schoolserver-proxy"):
        renew(there, lambda *_: None)
