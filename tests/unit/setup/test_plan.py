"""What setup would write: answers, what a hand wrote, what was answered last."""

import pytest
import yaml

from appliance.setup.plan import Wrong, wishes
from appliance.setup.questions import QUESTIONS, answer_in

BY_KEY = {question.key: question for question in QUESTIONS}
EXPLAINED = "/usr/share/schoolserver/etc"


def answers(**given):
    made = {}
    for key, value in given.items():
        made[key] = answer_in(BY_KEY[key], yaml.compose(yaml.safe_dump(value), Loader=yaml.SafeLoader))
        assert made[key] is not None, key
    return made


NEEDED = {"school": "Schule am See", "domain": "see.example"}


def test_a_new_server_gets_the_answers_and_only_what_is_no_default():
    plan = wishes({}, answers(**NEEDED, language="de", backup_port=22, names=[]), {}, EXPLAINED)
    assert plan.texts == {
        "school.yaml": (
            "# Written by schoolserver setup; yours to change. /usr/share/schoolserver/etc/school.yaml explains every"
            " option.\n\n# The school's name, as its users read it.\nname: Schule am See\n"
            "\n# The school's domain: an address is login@domain. It cannot be changed once accounts exist.\n"
            "domain: see.example\n"
        )
    }
    assert [str(change) for change in plan.changes] == [
        "school.yaml: name: Schule am See",
        "school.yaml: domain: see.example",
    ]


def test_a_second_time_changes_nothing():
    first = wishes({}, answers(**NEEDED, rooms={"12": ["10.1.12.0/24"]}), {}, EXPLAINED)
    again = wishes(first.texts, answers(**NEEDED, rooms={"12": ["10.1.12.0/24"]}), first.answers, EXPLAINED)
    assert (again.texts, again.changes) == ({}, ())
    assert wishes(first.texts, {}, first.answers, EXPLAINED).changes == ()


def test_what_is_missing_is_told_with_what_is_allowed_all_at_once():
    with pytest.raises(Wrong) as raised:
        wishes({}, {}, {}, EXPLAINED)
    assert [problem.partition(":")[0] for problem in raised.value.problems] == ["school", "domain"]
    assert "a domain such as schule.example" in raised.value.problems[1]


def test_a_changed_answer_is_shown_with_what_was_there():
    texts = {"school.yaml": "name: Alt\ndomain: see.example\n"}
    plan = wishes(texts, answers(**NEEDED), answers(school="Alt", domain="see.example"), EXPLAINED)
    assert [str(change) for change in plan.changes] == ["school.yaml: name: Alt -> Schule am See"]
    assert plan.notes == ()


def test_what_a_hand_changed_since_stays_until_the_answer_itself_changes():
    texts = {"school.yaml": "name: Mine\ndomain: see.example\n"}
    plan = wishes(texts, answers(**NEEDED), answers(**NEEDED), EXPLAINED)
    assert plan.texts == {}
    assert "school.yaml: name stays Mine" in plan.notes[0]
    again = wishes(texts, answers(**NEEDED), plan.answers, EXPLAINED)
    assert again.texts == {}, "it stays at the third time too"
    other = wishes(texts, answers(school="New", domain="see.example"), again.answers, EXPLAINED)
    assert other.texts == {"school.yaml": "name: New\ndomain: see.example\n"}


def test_a_file_that_cannot_be_edited_is_named_and_left():
    with pytest.raises(Wrong, match=r"school\.yaml cannot be changed"):
        wishes({"school.yaml": "{name: Alt}\n"}, answers(**NEEDED), {}, EXPLAINED)


def test_an_answer_of_nothing_takes_a_setting_back():
    texts = {"school.yaml": "name: A\ndomain: a.example\n", "backup.yaml": "target: a@b.example\nbandwidth: 5 MB\n"}
    plan = wishes(texts, answers(backup=None), {}, EXPLAINED)
    assert plan.texts == {"backup.yaml": "target: null\nbandwidth: 5 MB\n"}
    assert str(plan.changes[0]) == "backup.yaml: target: a@b.example -> none"
