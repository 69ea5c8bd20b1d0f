"""The table of questions, answer files, and what is typed at a terminal."""

from pathlib import Path

import pytest

from appliance.daemon.options import SettingsError
from appliance.settings.school import School  # noqa: F401 - the questions take their types from the settings
from appliance.setup import talk
from appliance.setup.proposals import proposals
from appliance.setup.questions import QUESTIONS, Answer, default, example, read_answers

SHIPPED = Path(__file__).resolve().parents[3] / "etc" / "answers-example.yaml"
BY_KEY = {question.key: question for question in QUESTIONS}


def read(tmp_path, text):
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    return read_answers(path)


def test_the_shipped_example_is_the_table_s_own_and_reads_back(tmp_path):
    assert SHIPPED.read_text() == example(), "write it anew: python3 -m appliance setup --print-answers"
    assert list(read(tmp_path, example())) == [question.key for question in QUESTIONS]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_every_default_and_every_example_is_an_answer(question, tmp_path):
    default(question)
    import yaml

    text = yaml.safe_dump({question.key: question.option.example})
    assert question.key in read(tmp_path, text)


def test_every_problem_at_once_with_key_and_what_is_allowed(tmp_path):
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, "schol: x\ndomain: not a domain\nrooms: {'12': [10.1.12.7/24]}\nlanguage: fr\n")
    lines = [str(problem) for problem in raised.value.problems]
    assert lines[0].startswith("answers.yaml:1: schol: found an unknown key; allowed: one of school, domain,")
    assert lines[0].endswith("did you mean school?")
    assert "answers.yaml:2: domain: found 'not a domain'; allowed: a domain such as schule.example" in lines[1]
    assert "did you mean 10.1.12.0/24?" in lines[2]
    assert "language: found 'fr'; allowed: one of de, en" in lines[3]


@pytest.mark.parametrize("text", ["- a list\n", "no: [closed\n", "school: &a x\n"])
def test_a_file_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(SettingsError):
        read(tmp_path, text)


TYPED = [
    ("school", "Schule am See", "Schule am See"),
    ("school", "12", "12"),
    ("school", "yes", "yes"),
    ("backup_port", "2222", 2222),
    ("backup", "none", None),
    ("names", "mail.a.example, 10.1.0.2", ("mail.a.example", "10.1.0.2")),
    ("names", "none", ()),
    ("rooms", "none", {}),
]


@pytest.mark.parametrize(("key", "words", "value"), TYPED)
def test_typed_words_become_a_value_and_words_again(key, words, value):
    answer = talk.typed(BY_KEY[key], words)
    assert isinstance(answer, Answer)
    assert answer.value == value
    assert talk.words(BY_KEY[key], answer.node) == words


def test_rooms_are_typed_on_one_line():
    words = "12 = 10.1.12.0/24 10.1.13.0/24, library = 10.1.20.0/25"
    answer = talk.typed(BY_KEY["rooms"], words)
    assert {room: [str(one) for one in found] for room, found in answer.value.items()} == {
        "12": ["10.1.12.0/24", "10.1.13.0/24"],
        "library": ["10.1.20.0/25"],
    }
    assert talk.words(BY_KEY["rooms"], answer.node) == words


def test_wrong_words_are_answered_with_what_is_allowed_and_nearest():
    assert talk.typed(BY_KEY["networks"], "10.1.0.5/16").endswith("did you mean 10.1.0.0/16?")
    assert "allowed: a domain" in talk.typed(BY_KEY["domain"], "x")
    assert talk.typed(BY_KEY["rooms"], "12").startswith("found '12'; allowed: name = value, such as 12 = 10.1.12.0/24")
    for words in ("12 =", "= 10.1.12.0/24", "12 = 10.1.12.0/24, library"):
        assert "allowed: name = value" in talk.typed(BY_KEY["rooms"], words)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_every_example_is_shown_as_it_is_typed(question):
    assert isinstance(talk.typed(question, talk.example(question)), Answer)


@pytest.mark.parametrize(
    "address", ["10.88.0.1", "::1", "x.12", "grundschule-köln.example", "a_b.example", "a@b.example"]
)
def test_what_is_no_domain_is_none(address):
    assert "allowed: a domain such as" in talk.typed(BY_KEY["domain"], address)


def test_a_machine_that_nobody_told_where_it_is_suggests_no_zone(monkeypatch):
    for link, zone in (("Etc/UTC", None), ("Europe/Vienna", "Europe/Vienna")):
        monkeypatch.setattr(Path, "readlink", lambda _path, link=link: Path(f"/usr/share/zoneinfo/{link}"))
        found = proposals().get("zone")
        assert (str(found.value) if found else None) == zone
