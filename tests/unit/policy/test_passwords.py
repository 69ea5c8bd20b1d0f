"""K02: what a password must be, and that the ones we make are so."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.passwords import Problem, generate, problems
from appliance.policy.words import COMMON_WORDS

from .strategies import FRED, checked

NAMES = ("Fred", "Mustermann")


@pytest.mark.parametrize(
    "password",
    [
        "Xk7$mQ2p",
        "Kamu-tibo-472",
        "Sommer-blau-7-Zebu",
        "Grüße an 3 Wölfe!",
        "pass Wort 3 Berge.",
        "Papa-ruft-Kaffee-7",
        "Feder-Wasser-9",
    ],
)
def test_good_passwords(password):
    assert problems(password, FRED, NAMES) == ()


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("Xk7$mQ2", Problem.TOO_SHORT),
        ("Xk7$mQ2p" * 17, Problem.TOO_LONG),
        ("xk7$mq2p", Problem.NO_UPPER_CASE),
        ("XK7$MQ2P", Problem.NO_LOWER_CASE),
        ("Xkz$mQwp", Problem.NO_DIGIT),
        ("Xk٧$mQwp", Problem.NO_DIGIT),
        ("Xk7amQ2p", Problem.NO_SPECIAL),
        ("Xk7 mQ2p", Problem.NO_SPECIAL),
        ("Xk7$mQ2p\n", Problem.NOT_TYPEABLE),
        ("Xk7$\0mQ2p", Problem.NOT_TYPEABLE),
        (" Xk7$mQ2p", Problem.NOT_TYPEABLE),
        ("Aa1!!1aA", Problem.TOO_UNIFORM),
        ("Aaaabbb1!", Problem.REPEATED),
        ("Ab1!xAb1!x", Problem.REPEATED),
        ("Xk7$!!!!", Problem.REPEATED),
    ],
)
def test_what_is_wrong_alone(password, expected):
    assert problems(password, FRED, NAMES) == (expected,)


@pytest.mark.parametrize(
    ("password", "login", "names", "expected"),
    [
        ("x7$Fred.MustermannQ", FRED, (), Problem.CONTAINS_LOGIN),
        ("Kx7$FREDqwp", FRED, (), Problem.CONTAINS_LOGIN),
        ("x7$nnamretsumQ", FRED, (), Problem.CONTAINS_LOGIN),
        ("Kx7$fr3dQwp", "", NAMES, Problem.CONTAINS_NAME),
        ("Kx7$MuellerQ", "", ("Jörg Müller",), Problem.CONTAINS_NAME),
        ("Kx7$müllerQ", "", ("Mueller",), Problem.CONTAINS_NAME),
        ("Kx7$ReneQwp", "", ("René",), Problem.CONTAINS_NAME),
        ("Kx7$LenaQwp", "", ("Anna-Lena",), Problem.CONTAINS_NAME),
        ("Fre.d1234x", "", NAMES, Problem.CONTAINS_NAME),
        ("Kx7$Mu-ster-mann", FRED, (), Problem.CONTAINS_LOGIN),
        ("Kx7Mu$.t3r+mann", "", NAMES, Problem.CONTAINS_NAME),
    ],
)
def test_login_and_names_are_refused_however_written(password, login, names, expected):
    assert problems(password, login, names) == (expected,)


def test_one_that_is_uniform_and_repeated_is_told_both():
    assert problems("Ab1!Ab1!", FRED, NAMES) == (Problem.TOO_UNIFORM, Problem.REPEATED)


@pytest.mark.parametrize("password", ["Kx7$Lindenhof", "Kx7Lin-den.hof", "k7$foHnedniL"])
def test_the_name_of_the_school_is_refused(password):
    assert problems(password, FRED, NAMES, ("Schule am Lindenhof", "lindenhof")) == (Problem.CONTAINS_SCHOOL,)


def test_short_words_in_the_name_of_the_school_are_not_looked_for():
    assert problems("Kleider-7-am", FRED, NAMES, ("Schule an der Au", "au")) == ()


@pytest.mark.parametrize(
    "password",
    ["1Qay2wsx!", "1qaz2WSX!", "1q2w3e4R!", "!Qay2wsx", "Cvbn-jhg7", "Poiuz123!", "Qwe-asd-12", "Defghij-12"],
)
def test_ways_over_the_keyboard_are_refused(password):
    assert problems(password, FRED, NAMES) == (Problem.KEYBOARD,)


def test_names_split_in_two_are_looked_for_from_four_letters_on():
    assert problems("Kami-nase-7", "", ("Ina",)) == ()


def test_names_of_two_letters_are_not_looked_for():
    assert problems("Xk7$mLi2p", "li.bo", ("Li", "Bo")) == ()


@pytest.mark.parametrize(
    "password",
    [
        "Passwort1!",
        "P4ssw0rt!23",
        "Sommer2026!",
        "Qwertz12!",
        "Hallo#19871224",
        "FrühlinG7!",
        "Schule-Ferien-1",
        "Abc123!!",
        "Pass.wort1!",
        "Mickymaus1!",
        "M1ckym4us!!",
        "Harry.Potter7",
    ],
)
def test_common_words_are_refused(password):
    assert problems(password, FRED, NAMES) == (Problem.COMMON_WORD,)


def test_everything_wrong_is_said_at_once():
    assert problems("") == (
        Problem.TOO_SHORT,
        Problem.NO_UPPER_CASE,
        Problem.NO_LOWER_CASE,
        Problem.NO_DIGIT,
        Problem.NO_SPECIAL,
        Problem.TOO_UNIFORM,
    )


def test_messages_are_sentences_without_the_password():
    for problem in Problem:
        assert re.fullmatch("The password .*[.]", problem.message)


@checked
@given(st.text(max_size=40), st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_any_text_has_an_answer_and_what_is_accepted_has_all_k02_asks_for(password, login, names):
    if problems(password, login, names) == ():
        assert len(password) >= 8
        assert any(map(str.isupper, password))
        assert any(map(str.islower, password))
        assert re.search("[0-9]", password)
        assert not password.isalnum()


@checked
@given(
    st.integers(),
    st.sampled_from(["", FRED, "tibo.kamu"]),
    st.lists(st.sampled_from(["Bo", "Ina", "Kamu"]), max_size=2),
)
def test_made_passwords_satisfy_k02_and_can_be_typed(seed, login, names):
    password = generate(random.Random(seed), login, names)
    assert problems(password, login, names) == ()
    assert re.fullmatch("[A-Z][a-z]{3}-[a-z]{4}-[2-9]{3}", password)
    assert not set(password) & set("0O1lIyzYZ")
    assert not any(word in password.lower() for word in COMMON_WORDS)


class Scripted:
    """Chance that gives the characters of ``wanted`` in turn."""

    def __init__(self, wanted):
        self.wanted = iter(wanted)

    def choice(self, seq):
        chosen = next(self.wanted)
        assert chosen in seq
        return chosen


def test_a_made_password_with_a_word_or_a_name_in_it_is_thrown_away():
    script = Scripted("hasemuki472" + "fatomuki472" + "kamutibo472")
    assert generate(script, names=("Fato",)) == "Kamu-tibo-472"


def test_a_made_password_has_no_name_of_the_school_either():
    script = Scripted("fatomuki472" + "kamutibo472")
    assert generate(script, school=("Fato",)) == "Kamu-tibo-472"


def test_common_words_are_written_as_passwords_are_read():
    assert all(re.fullmatch("[a-z0-9]{4,}", word) for word in COMMON_WORDS)
