"""Owners of addresses on a server that runs: in force for the web within two seconds, over by themselves."""

import os
import time
from datetime import UTC, datetime

import pytest

from appliance.policy.owners import owner
from appliance.supervisor.client import ServerRefused
from tests.integration.support_school import ACCOUNTS, QUICK, running, soon

FRED, ANNA = "fred.mustermann", "anna.lehmann"
PHONE = "198.18.40.7"


@pytest.fixture(scope="module")
def school():
    with running({**QUICK, "network": {"networks": ["198.18.0.0/16", "fd00:40::/64"]}}, ACCOUNTS) as made:
        made.take_in()
        yield made


def owner_of(snapshot, address=PHONE):
    binding = owner(snapshot, address, datetime.now(UTC))
    return None if binding is None else binding.login


def test_a_binding_counts_within_two_seconds_and_only_the_web_hears_of_it(school):
    begun = time.monotonic()
    answer = school.call("devices.bind", address=PHONE, login=FRED, until=soon(3600))
    assert owner_of(school.published("web")) == FRED
    assert time.monotonic() - begun < 2.0
    assert answer["published"]
    snapshots = school.folder / "runtime" / "snapshots"
    assert {path.stem for path in snapshots.iterdir() if PHONE.encode() in path.read_bytes()} == {"supervisor", "web"}
    (bound,) = school.when(lambda: school.events(kind="device-bound", address=PHONE))
    assert (bound["login"], bound["until"], bool(bound["by"])) == (FRED, answer["until"], True)


def test_it_goes_over_to_somebody_else_and_is_released(school):
    assert school.call("devices.bind", address=PHONE, login=ANNA, until=soon(3600))["former"] == FRED
    assert owner_of(school.published("web")) == ANNA
    school.call("devices.release", address=PHONE)
    assert owner_of(school.published("web")) is None
    assert school.published("web").owners == {}
    with pytest.raises(ServerRefused, match="nobody's device"):
        school.call("devices.release", address=PHONE)


def test_it_ends_by_itself_and_is_published_no_more(school):
    school.call("devices.bind", address="fd00:40::7", login=FRED, until=soon(1.5))
    assert owner_of(school.published("web"), "fd00:40::7") == FRED
    school.when_published("web", lambda found: not found.owners)
    assert school.call("devices.list") == {"devices": []}


def test_it_outlives_the_supervisor(school):
    school.call("devices.bind", address=PHONE, login=FRED, until=soon(3600))
    before = school.pid("supervisor")
    os.kill(before, 9)
    school.until(lambda units: units["supervisor"].healthy and units["supervisor"].pid != before)
    assert [one["login"] for one in school.call("devices.list")["devices"]] == [FRED]
    assert owner_of(school.published("web")) == FRED


def test_explain_says_whose_it_is_and_no_journal_does(school):
    school.call("devices.bind", address=PHONE, login=FRED, until=soon(3600))
    steps = school.call("explain", login=ANNA, service="web", address=PHONE)["steps"]
    assert any(step.startswith(f"{PHONE} is a device of {FRED}") for step in steps)
    assert not any(word in text for text in school.logs().values() for word in (PHONE, FRED))
