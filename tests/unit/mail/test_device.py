"""A device writes as itself alone, to people of the school alone."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from appliance.mail.device import NUMBERS, Device, Unlisted, devices_by_address
from appliance.mail.head import read_fields
from appliance.mail.session import MailSession
from appliance.policy.account import Group, GroupKind, Role, Service
from appliance.policy.decision import Allow, Limits, Reason, Rule
from appliance.policy.limits import largest_size
from appliance.policy.reach import Reached, Refused
from appliance.policy.request import Action
from appliance.session.obstacle import Hitch, Obstacle
from appliance.settings.mail_devices import MailDevice
from tests.unit.mail.houses import house_of

COPIER = MailDevice("10.1.30.5", "kopierer@schule.example", "Kopierer, 1. Stock", 50, 200, 10**9)
PANEL = MailDevice("fd12::9", "alarm@schule.example", "", 5, 60, 10**9)


class Around:
    """A snapshot, and what was refused."""

    def __init__(self, snapshot) -> None:
        self.snapshot = snapshot
        self.refused = []
        self.rules = []
        self.busy = -1
        self.house = house_of(self)

    def in_last_hour(self, number, now) -> int:
        return 60 if number == self.busy else 0

    def free_at(self, _number, _count, _most, now):
        return now

    def refuse(self, _service, reason, rule) -> str:
        self.rules.append(rule)
        self.refused.append(reason)
        return "7KQF-2MXA"


@pytest.fixture
def around(make_snapshot, new_account) -> Around:
    snapshot = make_snapshot(new_account("fred", groups=("klasse3a",)), new_account("ada", Role.ADMIN))
    snapshot.groups["klasse3a"] = Group("klasse3a", GroupKind.CLASS, 1)
    return Around(snapshot)


@pytest.fixture
def copier(around) -> Device:
    return Device(around.house, COPIER)


def test_it_is_known_by_its_own_address_alone(around) -> None:
    found = devices_by_address(around.house, (COPIER, PANEL))
    assert found.keys() == {"10.1.30.5", "fd12::9"}
    assert found["fd12::9"].address == "alarm@schule.example"


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("kopierer@schule.example", True),
        ("Kopierer@SCHULE.example", True),
        ("", False),
        ("kopierer", False),
        ("kopierer@elsewhere.example", False),
        ("fred@schule.example", False),
        ("alarm@schule.example", False),
        ("kopierer@schule.example.", True),
    ],
)
def test_it_has_one_sender(copier, address, may) -> None:
    assert copier.sends_as(address) is may


@pytest.mark.parametrize("sender", ["fred", "klasse3a", "postmaster"])
def test_nobody_writes_as_somebody_through_a_device(around, sender) -> None:
    """An account of that name may come later than the device."""
    assert not Device(around.house, replace(PANEL, sender=f"{sender}@schule.example")).sends_as(
        f"{sender}@schule.example"
    )


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"From: Scan <kopierer@schule.example>\r\n", None),
        (b"From: fred@schule.example\r\n", Reason.FOREIGN_SENDER),
        (b"From: kopierer@schule.example\r\nReply-To: a@elsewhere.example\r\n", Reason.FOREIGN_SENDER),
        (b"Subject: Scan\r\n", Reason.MALFORMED),
    ],
)
def test_its_head_names_nobody_else(copier, head, found) -> None:
    answer = copier.head(read_fields(head))
    if found is not None:
        assert answer is found
    else:
        assert answer == b'From: "Kopierer, 1. Stock" <kopierer@schule.example>\r\n\r\n'


def test_whom_it_reaches(copier) -> None:
    assert copier.reach("fred@schule.example") == Reached(("fred",))
    group, admins = copier.reach("klasse3a@schule.example"), copier.reach("postmaster@schule.example")
    assert isinstance(group, Reached) and group.logins == ("fred",)
    assert isinstance(admins, Reached) and admins.logins == ("ada",)
    for address, reason in {
        "a@elsewhere.example": Reason.OUTSIDE_RECIPIENT,
        "nobody@schule.example": Reason.UNKNOWN_RECIPIENT,
        "kopierer@schule.example": Reason.UNKNOWN_RECIPIENT,
    }.items():
        refused = copier.reach(address)
        assert isinstance(refused, Refused) and refused.reason is reason


def test_its_messages_are_as_large_as_those_of_somebody_without_a_special_role(around, copier) -> None:
    largest = largest_size(around.snapshot.limits, Limits(1000, 1000), Service.MAIL, Action.SEND)
    answer = copier.may(largest)
    assert isinstance(answer, Allow) and answer.limits == Limits(1000, 1000)
    assert isinstance(copier.may(None), Allow)
    assert copier.may(largest + 1) == Obstacle(Reason.TOO_LARGE, "7KQF-2MXA")
    assert around.refused == [Reason.TOO_LARGE]


def test_it_writes_to_few_at_once_and_within_an_hour(around, now) -> None:
    panel = Device(around.house, PANEL).counted
    assert panel.too_many(5, 1000, now) is None
    wide = panel.too_many(6, 0, now)
    assert (wide.reason, wide.rule.source) == (Reason.TOO_MANY, "mail.yaml devices.recipients_per_message")
    around.busy = panel.number
    full = panel.too_many(1, 0, now)
    assert (full.reason, full.rule.source) == (Reason.HOUR_FULL, "mail.yaml devices.recipients_per_hour")


def test_it_writes_no_more_than_its_bytes_an_hour(around, now) -> None:
    panel = Device(around.house, replace(PANEL, bytes_per_hour=10_000_000)).counted
    assert panel.too_many(5, 1_999_000, now) is None
    much = panel.too_many(5, 2_000_001, now)
    assert (much.reason, much.rule.source) == (Reason.HOUR_SPENT, "mail.yaml devices.bytes_per_hour")


def test_each_device_is_counted_by_its_address_whatever_else_changes(around) -> None:
    def number(**changes) -> int:
        return Device(around.house, replace(PANEL, **changes)).counted.number

    assert 0 <= number() < NUMBERS
    assert number() == number(sender="tuer@schule.example", name="x", recipients_per_hour=9)
    assert number() == number(address="fd12:0:0::9") != number(address="10.1.30.5")


def test_without_a_snapshot_it_comes_again(around, copier) -> None:
    around.snapshot = None
    assert copier.may(None) == Obstacle(Hitch.LATER)
    assert isinstance(copier.reach("fred@schule.example"), Refused)
    assert not copier.sends_as(COPIER.sender)


def test_why_it_may_not_write_names_the_setting_and_whether_somebody_has_its_address(around, copier) -> None:
    assert copier.voice == Rule(
        "mail.yaml devices.sender", "a device writes, in the envelope and in From, as its sender alone"
    )
    taken = Device(around.house, replace(PANEL, sender="klasse3a@schule.example")).voice
    assert taken.source == "mail.yaml devices.sender" and "group" in taken.text and "klasse3a" not in taken.text


def test_a_device_that_nobody_listed_leaves_a_line_a_minute_without_its_address(caplog) -> None:
    times = iter((0.0, 1.0, 2.0, 59.0, 61.0, 62.0))
    unlisted = Unlisted((ip_network("10.1.30.0/24"), ip_network("fd12::/64")), lambda: next(times))
    for address in ("10.1.12.7", "", "10.1.30.9", "fd12::7", "fd12::8"):
        unlisted(address)
    assert caplog.messages == ["a device in device_networks that mail.yaml does not list was turned away"]
    unlisted("fd12::8")
    assert len(caplog.messages) == 2


def test_what_refuses_its_sender_is_told_by_why(around) -> None:
    device = Device(around.house, replace(PANEL, sender="klasse3a@schule.example"))
    session = MailSession(around.house, "fd12::9", around.refused.append)
    session.enter(device)
    assert session.sender("klasse3a@schule.example", None).startswith("550 5.7.1 ")
    assert session.head(read_fields(b"From: klasse3b@schule.example\r\n")).startswith("550 5.7.1 ")
    assert around.rules == [device.voice, device.voice]
