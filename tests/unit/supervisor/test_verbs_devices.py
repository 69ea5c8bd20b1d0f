"""What a carer may bind, and what is recorded of it."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from appliance.policy.events import Kind
from appliance.supervisor.devices import Devices
from appliance.supervisor.state import State
from appliance.supervisor.verbs_devices import verbs

from .carer import Carer
from .scenery import NOW, directory, settings

FRED, ANNA = "fred.mustermann", "anna.lehmann"
PHONE = "10.1.40.7"
UNTIL = "2026-11-23 16:00"
NETWORKS = tuple(map(ip_network, ("10.1.0.0/16", "fd00:40::/64", "127.0.0.0/8")))


class Binding(Carer):
    """A carer who calls the verbs about devices."""

    NOUN = "devices"

    def __init__(self, state):
        wanted = replace(settings(), network=replace(settings().network, networks=NETWORKS))
        super().__init__(state, verbs, wanted, directory(), devices=Devices(state))


@pytest.fixture
def carer(tmp_path):
    state = State(tmp_path / "state.db")
    yield Binding(state)
    state.close()


def test_a_device_is_bound_recorded_and_listed_until_its_session_ends(carer):
    answer = carer("bind", address=PHONE, login=FRED, until=UNTIL)
    fields = {"login": FRED, "address": PHONE, "until": "2026-11-23T15:00:00+00:00"}
    assert answer == {**fields, "former": None, "published": True}
    assert carer.events == [(Kind.DEVICE_BOUND, {**fields, "by": "carer"})]
    assert carer("list") == {
        "devices": [
            {
                "address": PHONE,
                "login": FRED,
                "since": "2026-11-23T09:00:00+01:00",
                "until": "2026-11-23T16:00:00+01:00",
                "by": "carer",
            }
        ]
    }
    assert carer.snapshot().owners[PHONE].login == FRED
    carer.now = NOW + timedelta(hours=7)
    assert carer("list") == {"devices": []}
    assert carer.snapshot().owners == {}


def test_a_day_alone_means_its_end(carer):
    assert carer("bind", address=PHONE, login=FRED, until="2026-11-23")["until"] == "2026-11-23T23:00:00+00:00"


def test_an_address_goes_over_to_somebody_else(carer):
    carer("bind", address=PHONE, login=FRED, until=UNTIL)
    assert carer("bind", address=PHONE, login=FRED, until=UNTIL)["former"] is None
    assert carer("bind", address=f"::ffff:{PHONE}", login=ANNA, until=UNTIL)["former"] == FRED
    assert [one["login"] for one in carer("list")["devices"]] == [ANNA]


def test_devices_are_listed_by_address(carer):
    for address in ("fd00:40::7", "10.1.40.10", "10.1.40.9"):
        carer("bind", address=address, login=FRED, until=UNTIL)
    assert [one["address"] for one in carer("list")["devices"]] == ["10.1.40.9", "10.1.40.10", "fd00:40::7"]


def test_a_release_is_recorded(carer):
    carer("bind", address="FD00:40:0::7", login=FRED, until=UNTIL)
    assert carer("release", address="fd00:0040::7") == {"login": FRED, "address": "fd00:40::7", "published": True}
    assert carer.events[-1] == (
        Kind.DEVICE_RELEASED,
        {"login": FRED, "address": "fd00:40::7", "by": "carer"},
    )
    assert carer("list") == {"devices": []}
    assert carer.refused("release", address="fd00:40::7").kind == "not-bound"


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (
            {"address": "192.0.2.7"},
            "wrong-arguments",
            "networks of the school (network.yaml): 10.1.0.0/16, fd00:40::/64",
        ),
        ({"address": "127.0.0.1"}, "wrong-arguments", "this server itself"),
        ({"address": "here"}, "wrong-arguments", "'here'; it must be an IP address"),
        ({"address": "10.1.40.0/24"}, "wrong-arguments", "it must be an IP address"),
        ({"address": "fd00:40::7%eth0"}, "wrong-arguments", "it must be an IP address"),
        ({"login": "frieda"}, "unknown-account", "frieda"),
        ({"until": "2026-11-23 09:00"}, "wrong-arguments", "has passed"),
        ({"until": "soon"}, "wrong-arguments", "'until' is 'soon'"),
        ({"until": None}, "wrong-arguments", "'until' is missing"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(carer, given, kind, words):
    refusal = carer.refused("bind", **{"address": PHONE, "login": FRED, "until": UNTIL, **given})
    assert refusal.kind == kind
    assert words in refusal.text
    assert carer("list") == {"devices": []}
    assert carer.events == []
