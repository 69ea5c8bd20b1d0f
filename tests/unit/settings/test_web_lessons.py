"""What may be set for lessons, as web.yaml says it."""

import pytest

from appliance.settings.check import check
from appliance.settings.load import load


def test_by_default_every_teacher_may_in_every_room_for_a_school_day(tmp_path):
    lessons = load(tmp_path).web.lessons
    assert (lessons.longest, lessons.rooms) == (36_000, {})


def test_what_is_written(tmp_path):
    (tmp_path / "network.yaml").write_text("rooms: {'12': [10.1.12.0/24]}\n")
    (tmp_path / "web.yaml").write_text("lessons: {longest: 2 h, rooms: {'12': [anna.lehmann]}}\n")
    lessons = load(tmp_path).web.lessons
    assert (lessons.longest, lessons.rooms) == (7_200, {"12": ("anna.lehmann",)})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lessons: {rooms: {'12': []}}", "rooms.12: found '12'; allowed: a room of network.yaml: 13, aula"),
        ("lessons: {longest: 2 d}", "longest: found '2 d'"),
        ("lessons: {longest: 30 s}", "longest: found '30 s'"),
        ("lessons: {rooms: {aula: [Anna Lehmann]}}", "rooms.aula[0]: found"),
    ],
)
def test_what_cannot_be(tmp_path, text, words):
    (tmp_path / "network.yaml").write_text("rooms: {'13': [10.1.13.0/24], aula: [10.1.14.0/24]}\n")
    (tmp_path / "web.yaml").write_text(f"{text}\n")
    (only,) = map(str, check(tmp_path))
    assert words in only
