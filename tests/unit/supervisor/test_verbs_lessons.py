"""What a carer, and a teacher in whose name he asks, may set for lessons, and what is recorded of it."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from appliance.directory.records import DirectoryGroup
from appliance.policy.account import GroupKind, Role
from appliance.policy.decision import Rule
from appliance.policy.events import Kind
from appliance.settings.web_lessons import WebLessons
from appliance.supervisor.lessons import MOST, Lessons
from appliance.supervisor.lessons_row import check_lessons
from appliance.supervisor.state import State
from appliance.supervisor.verbs_lessons import set_by, verbs

from . import scenery
from .carer import Carer
from .scenery import GROUPS, NOW, directory, settings

FRED, ANNA, MARIA, ADMIN = "fred.mustermann", "anna.lehmann", "maria.lehrer", "ada.min"
OTHER = scenery.account("jan.klein", 20010, groups=("klasse4b",))
PEOPLE = (
    *(scenery.ANNA, scenery.FRED, scenery.PROBE, OTHER),
    scenery.account(MARIA, 20011, Role.TEACHER, groups=("klasse4b", "kollegium")),
    scenery.account(ADMIN, 20012, Role.ADMIN),
)
CLASSES = (*GROUPS, DirectoryGroup("klasse4b", GroupKind.CLASS, 20004, "4b", (MARIA, OTHER.login)))
ROOMS = {"12": (ip_network("10.1.12.0/24"),), "13": (ip_network("10.1.13.0/24"),)}
UNTIL, UTC_UNTIL = "10:35", "2026-11-23T09:35:00+00:00"
SHOWN = {"log_on": False, "since": "2026-11-23T09:00:00+01:00", "until": "2026-11-23T10:35:00+01:00", "by": "carer"}


class Leading(Carer):
    """A carer who calls the verbs about lessons."""

    NOUN = "web"

    def __init__(self, state):
        wanted = replace(settings(), network=replace(settings().network, rooms=ROOMS))
        super().__init__(state, verbs, wanted, directory(*PEOPLE, groups=CLASSES), lessons=Lessons(state))
        self.leaves({"13": (MARIA,)})

    def leaves(self, rooms):
        """From now on these rooms are left to these teachers."""
        lessons = WebLessons(longest=6 * 3600, rooms=rooms)
        self.core.settings = replace(self.core.settings, web=replace(self.core.settings.web, lessons=lessons))

    def __call__(self, name, **given):
        return super().__call__(name, **{"as" if key == "as_" else key: value for key, value in given.items()})

    def numbers(self, **given):
        return [one["number"] for one in self("lessons", **given)["lessons"]]


@pytest.fixture
def carer(tmp_path):
    state = State(tmp_path / "state.db")
    yield Leading(state)
    state.close()


def test_a_room_is_blocked_recorded_and_listed_until_its_time(carer):
    shown = {"number": 1, "measure": "block", "group": None, "room": "12", "targets": [], **SHOWN}
    answer = carer("block-room", room="12", until=UNTIL)
    assert answer == {**shown, "replaced": [], "pupils": None, "published": True}
    recorded = {"number": 1, "measure": "block", "group": None, "room": "12", "targets": (), "until": UTC_UNTIL}
    assert carer.events == [(Kind.LESSON_BEGUN, {**recorded, "by": "carer", "teacher": None})]
    assert carer("lessons") == {"lessons": [shown]}
    assert [(one.number, one.room) for one in carer.snapshot().lessons] == [(1, "12")]
    carer.now = NOW + timedelta(minutes=95)
    assert carer("lessons") == {"lessons": []}
    assert carer.snapshot().lessons == ()


def test_an_exam_is_one_of_a_class_with_its_sites(carer):
    sites = ["https://Lernen.Example.ORG/page", "*.müller.example", "lernen.example.org"]
    answer = carer("exam", group=" Klasse4b", targets=sites, room="12", until="2026-11-23 10:35")
    assert (answer["group"], answer["room"], answer["pupils"]) == ("klasse4b", "12", 1)
    assert answer["targets"] == ["lernen.example.org", "xn--mller-kva.example"]
    (lesson,) = carer.snapshot().lessons
    assert (lesson.measure, lesson.group, list(lesson.targets)) == ("exam", "klasse4b", answer["targets"])
    assert lesson.log_on is answer["log_on"] is False
    carer("exam", group="klasse4b", log_on=True, until=UNTIL)
    assert [one.log_on for one in carer.snapshot().lessons] == [True]


def test_sites_are_opened_to_a_class_or_in_a_room(carer):
    assert carer("allow", whom="klasse3a", targets=["example.org"], until=UNTIL)["pupils"] == 1
    assert carer("allow", whom="12", targets=["example.org"], until=UNTIL)["room"] == "12"
    assert [(one.group, one.room) for one in carer.snapshot().lessons] == [("klasse3a", None), (None, "12")]


def test_the_same_again_takes_its_place_and_other_sites_are_added(carer):
    carer("block-room", room="12", until=UNTIL)
    assert carer("block-room", room="12", until="11:20")["replaced"] == [1]
    carer("exam", group="klasse4b", targets=["example.org"], until=UNTIL)
    assert carer("exam", group="klasse4b", room="12", until=UNTIL)["replaced"] == [3]
    carer("allow", whom="klasse3a", targets=["example.org"], until=UNTIL)
    assert carer("allow", whom="klasse3a", targets=["example.net"], until=UNTIL)["replaced"] == []
    assert carer("allow", whom="klasse3a", targets=["example.org"], until="11:20")["replaced"] == [5]
    assert carer.numbers() == [2, 4, 6, 7]
    ended = [fields["number"] for kind, fields in carer.events if kind is Kind.LESSON_ENDED]
    assert ended == [1, 3, 5]


def test_it_is_ended_by_class_room_or_number(carer):
    carer("block-room", room="12", until=UNTIL)
    carer("exam", group="klasse3a", room="12", until=UNTIL)
    carer("allow", whom="klasse3a", targets=["example.org"], until=UNTIL)
    carer("allow", whom="12", targets=["example.org"], until=UNTIL)
    assert [one["number"] for one in carer("end", what="12")["ended"]] == [1, 4]
    carer("end", number="2")
    assert carer.events[-1][1] == {
        "number": 2,
        "measure": "exam",
        "group": "klasse3a",
        "room": "12",
        "targets": (),
        "until": UTC_UNTIL,
        "by": "carer",
        "teacher": None,
    }
    assert [one["number"] for one in carer("end", what="klasse3a")["ended"]] == [3]
    assert carer.numbers() == []
    assert carer.refused("end", what="klasse3a").kind == carer.refused("end", number="2").kind == "no-lesson"
    assert "nothing is set under number 2; see: " in carer.refused("end", number="2").text
    assert carer.refused("end").kind == carer.refused("end", what="12", number="2").kind == "wrong-arguments"


def test_a_teacher_may_for_his_classes_and_rooms_and_his_name_is_recorded(carer):
    carer("exam", group="klasse3a", until=UNTIL, as_=ANNA)
    carer("block-room", room="12", until=UNTIL, as_=ANNA)
    carer("allow", whom="klasse3a", targets=["example.org"], until=UNTIL, as_=ANNA)
    assert {(fields["by"], fields["teacher"]) for _, fields in carer.events} == {("carer", ANNA)}
    assert {one["by"] for one in carer("lessons")["lessons"]} == {ANNA}
    carer("end", what="12", as_=MARIA)
    assert carer.events[-1][1]["teacher"] == MARIA
    assert carer.numbers(as_=MARIA) == []
    assert carer.numbers(as_=ADMIN) == carer.numbers() == [1, 3]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("exam", {"group": "klasse4b", "as_": ANNA}, "no member of klasse4b"),
        ("exam", {"group": "kollegium", "as_": ANNA}, "neither a class nor a course"),
        ("exam", {"group": "klasse3a", "room": "13", "as_": ANNA}, "names others for room 13"),
        ("allow", {"whom": "klasse4b", "targets": ["example.org"], "as_": ANNA}, "no member of klasse4b"),
        ("allow", {"whom": "13", "targets": ["example.org"], "as_": ANNA}, "names others for room 13"),
        ("block-room", {"room": "13", "as_": ANNA}, "names others for room 13"),
        ("block-room", {"room": "12", "as_": FRED}, "account of role pupil"),
    ],
)
def test_what_is_not_his_he_may_not_set(carer, name, given, words):
    refusal = carer.refused(name, **given, until=UNTIL)
    assert (refusal.kind, words in refusal.text) == ("not-allowed", True)
    assert carer.numbers() == [] and carer.events == []


def test_nor_may_he_end_it_not_even_a_part(carer):
    carer("exam", group="klasse4b", until=UNTIL)
    carer("block-room", room="13", until=UNTIL)
    carer("allow", whom="13", targets=["example.org"], until=UNTIL)
    before = list(carer.events)
    for given in ({"number": "1"}, {"what": "klasse4b"}, {"what": "13"}, {"number": "2"}):
        assert carer.refused("end", **given, as_=ANNA).kind == "not-allowed"
    assert carer.numbers() == [1, 2, 3] and carer.events == before


@pytest.mark.parametrize(
    ("name", "given", "kind", "words"),
    [
        ("block-room", {"room": "99"}, "wrong-arguments", "'room' is '99'; rooms in network.yaml: 12, 13"),
        ("exam", {"group": "klasse4c"}, "unknown-group", "near: klasse4b"),
        ("exam", {"group": "klasse4b", "room": "99"}, "wrong-arguments", "'room' is '99'"),
        ("exam", {"group": "kollegium"}, "wrong-arguments", "no pupil in kollegium"),
        ("exam", {"group": "klasse4b", "as_": "frieda"}, "unknown-account", "frieda"),
        ("allow", {"whom": "99", "targets": ["example.org"]}, "unknown-group", "no group or room '99'"),
        ("allow", {"whom": "12", "targets": []}, "wrong-arguments", "which sites"),
        ("allow", {"whom": "12", "targets": ["de"]}, "wrong-arguments", "'de' is no site"),
        ("allow", {"whom": "12", "targets": ["9.9.9.9"]}, "wrong-arguments", "'9.9.9.9' is no site"),
        ("allow", {"whom": "12", "targets": ["[fd00::1]"]}, "wrong-arguments", "is no site"),
        ("allow", {"whom": "12", "targets": ["a b.example"]}, "wrong-arguments", "is no site"),
        ("allow", {"whom": "12", "targets": ["x.example"] * 51}, "wrong-arguments", "50 are allowed"),
        ("block-room", {"room": "12", "until": "08:59"}, "wrong-arguments", "has passed"),
        ("block-room", {"room": "12", "until": "15:01"}, "wrong-arguments", "2026-11-23 15:00 is the latest"),
        ("block-room", {"room": "12", "until": "soon"}, "wrong-arguments", "'until' is 'soon'"),
        ("block-room", {"room": "12", "until": None}, "wrong-arguments", "'until' is missing"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(carer, name, given, kind, words):
    refusal = carer.refused(name, **{"until": UNTIL, **given})
    assert refusal.kind == kind
    assert words in refusal.text
    assert carer.numbers() == [] and carer.events == []


def test_who_opens_a_site_to_a_class_in_an_exam_is_told(carer):
    given = {"targets": ["example.org"], "until": UNTIL}
    assert not carer("allow", whom="klasse4b", **given)["exam"]
    carer("exam", group="klasse4b", until=UNTIL)
    assert carer("allow", whom=" Klasse4b", **given)["exam"]
    assert not carer("allow", whom="klasse3a", **given)["exam"]


def test_there_may_be_many_and_not_any_number(carer):
    for number in range(MOST):
        carer("allow", whom="12", targets=[f"a{number}.example"], until=UNTIL)
    assert carer.refused("allow", whom="12", targets=["one.more.example"], until=UNTIL).kind == "too-many"
    assert len(carer.numbers()) == MOST
    assert carer("allow", whom="12", targets=["a0.example"], until=UNTIL)["replaced"] == [1]


def test_explain_is_told_who_has_set_it(carer):
    carer("block-room", room="12", until=UNTIL, as_=ANNA)
    assert set_by(carer.core, Rule("state lesson 1", "")) == "set by anna.lehmann at 2026-11-23 09:00"
    assert set_by(carer.core, Rule("state lesson 2", "")) is None
    assert set_by(carer.core, Rule("access.yaml:1", "")) is None


def test_status_says_what_is_set_and_names_no_person(carer):
    assert check_lessons(None, NOW) is None
    assert check_lessons(carer.snapshot(), NOW) is None
    carer("exam", group="klasse4b", until=UNTIL, as_=MARIA)
    carer("block-room", room="12", until=UNTIL)
    carer("allow", whom="klasse3a", targets=["example.org", "example.net"], until="11:20")
    text = "exam of klasse4b until 10:35; no web in room 12 until 10:35; 2 site(s) open to klasse3a until 11:20"
    assert check_lessons(carer.snapshot(), NOW) == {"name": "lessons", "ok": True, "text": text}
    for number in range(4):
        carer("allow", whom="12", targets=[f"a{number}.example"], until=UNTIL)
    row = check_lessons(carer.snapshot(), NOW)
    assert row["text"].endswith("1 site(s) open to room 12 until 10:35 and 1 more (schoolserver web lessons)")
