"""Lessons on the web: what a teacher closes ends what is under way within two seconds, and is over on time."""

from datetime import UTC, datetime, timedelta

from appliance.policy.lessons import Lesson, Measure
from tests.integration.proxy.wire import ends_within
from tests.integration.ways.test_http import ask
from tests.integration.ways.test_tls import curl
from tests.integration.ways.town import CHOSEN, FRED, MARIA, Town, eventually

IN_CLASS = {"fred__mustermann": {"groups": ("klasse3a",)}, "maria__lehrer": {"groups": ("klasse3a",)}}
SITE, OTHER = "good.example", "raw.example"


def lesson(measure: Measure, seconds: float = 3600.0, **more: object) -> Lesson:
    now = datetime.now(UTC)
    return Lesson(7, measure, now, now + timedelta(seconds=seconds), **more)  # type: ignore[arg-type]


BLOCK = {"measure": Measure.BLOCK, "room": "wlan"}
EXAM = {"measure": Measure.EXAM, "group": "klasse3a", "targets": (SITE,)}


def publish(town: Town, login: str, *lessons: Lesson) -> None:
    """The phone is a device of ``login``, in class and on the WLAN."""
    town.publish(owners=town.own(login), lessons=lessons, **IN_CLASS)


def test_a_blocked_room_ends_a_tunnel_within_two_seconds_and_opens_on_time(town):
    publish(town, FRED)
    eventually(lambda: town.open_to_phone("six.example"))
    with town.phone(CHOSEN, 443) as client, town.led(client) as far:
        publish(town, FRED, lesson(seconds=4.0, **BLOCK))
        assert ends_within(client, 2.0)
        assert ends_within(far, 2.0)
    eventually(lambda: town.used(kind="session-ended", login=FRED, reason="lesson"))
    with town.refuses("lesson", "lesson"):
        assert ask(town, SITE)[0] == 403
        assert curl(town, SITE)[0] != 0
    eventually(lambda: town.open_to_phone(SITE), 6.0)


def test_an_exam_leaves_its_sites_and_ends_the_others(town):
    publish(town, FRED)
    eventually(lambda: town.open_to_phone("six.example"))
    with town.phone(CHOSEN, 443) as client, town.led(client):
        publish(town, FRED, lesson(**EXAM))
        assert ends_within(client, 2.0)
    eventually(lambda: town.used(kind="session-ended", login=FRED, reason="exam"))
    assert ask(town, SITE)[0] == 200
    assert curl(town, SITE)[0] == 0
    with town.refuses("exam"):
        assert ask(town, OTHER)[0] == 403


def test_an_exam_in_a_room_leaves_nothing_elsewhere(town):
    publish(town, FRED, lesson(**EXAM, room="12"))
    eventually(lambda: not town.open_to_phone(SITE))
    publish(town, FRED, lesson(**EXAM, room="wlan"))
    eventually(lambda: town.open_to_phone(SITE))


def test_who_teaches_in_the_room_goes_on(town):
    publish(town, MARIA)
    eventually(lambda: town.open_to_phone("other.example"))
    with town.phone(CHOSEN, 443) as client, town.led(client):
        publish(town, MARIA, lesson(**BLOCK), lesson(**EXAM))
        assert not ends_within(client, 1.5)
    assert ask(town, "other.example")[0] == 200


def test_a_device_without_owner_is_taken_for_a_pupils(town):
    with town.phone(CHOSEN, 443) as client, town.led(client):
        town.publish(lessons=[lesson(**BLOCK)])
        assert ends_within(client, 2.0)
    assert ask(town, SITE)[0] == 403
    town.publish()
    eventually(town.is_nobodys)
