"""Expressions of lists against Python's own, and how long hostile ones may take."""

import re
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from appliance.filter.automaton import Automaton, check
from appliance.filter.expressions import BadExpression

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c/]", r"\.", "^", "$", "[[:digit:]]", r"\w", "-"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.builds("({}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,}", "{2,}"])),
    ),
    max_leaves=10,
)
ADDRESSES = st.text(st.sampled_from("abcd./-1"), min_size=1, max_size=12)


def as_python(expression):
    return re.compile(expression.replace("[[:digit:]]", "[0-9]").replace("$", r"\Z"), re.ASCII)


@given(expressions=st.lists(EXPRESSIONS, min_size=1, max_size=4), addresses=st.lists(ADDRESSES, min_size=1, max_size=5))
@example(["^a$"], ["a", "ab", "ba"])
@example(["^^(^|x)a($|y)$$", "(^){2}b"], ["a", "xa", "b", "ab", "ay"])
@example(["(^|[-/])x(a|b)+c{2,3}$"], ["-xabcc", "/xac", "xabccc", "xacccc"])
def test_what_matches_is_what_python_would_find(expressions, addresses):
    taken = []
    for expression in expressions:
        try:
            Automaton([expression])
        except BadExpression as error:
            assert error.reason == "it matches every address"
            assert as_python(expression).search("") is not None
        else:
            taken.append(expression)
    assume(taken)
    automaton = Automaton(taken)
    for address in addresses:
        wanted = sum(1 << number for number, text in enumerate(taken) if as_python(text).search(address))
        assert automaton.matching(address.encode()) == wanted, (taken, address)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(a", "not closed"),
        ("a)", "closed that was not opened"),
        ("[a", "not closed"),
        ("[", "not closed"),
        ("*a", "nothing before it"),
        ("a|+", "nothing before it"),
        ("a{2", "repetition"),
        ("a{x}", "repetition"),
        ("a{3,2}", "ends before it begins"),
        ("a{256}", "0 and 255"),
        ("a{99999999999999999999}", "0 and 255"),
        ("a*+?*?", "follow one another"),
        ("(?=a)b", "not of POSIX"),
        (r"a\b", "means nothing here"),
        (r"(a)\1", "means nothing here"),
        ("a\\", "ends with a backslash"),
        ("[[:nothing:]]", "not known"),
        ("[z-a]", "ends before it begins"),
        ("(" * 60 + "a" + ")" * 60, "nested"),
        ("a" * 5000, "longer"),
        ("(a{200}){200}", "more than 2000 characters"),
        ("((((){255}){255}){255}){255}", "repeats too much"),
        ("", "every address"),
        (".*", "every address"),
        ("a|", "every address"),
        ("^", "every address"),
        ("$", "every address"),
        ("[a-z0-9]", "every address"),
        ("/", "every address"),
    ],
)
def test_an_expression_that_cannot_be_taken_is_refused_with_the_reason(expression, reason):
    with pytest.raises(BadExpression) as error:
        check(expression)
    assert reason in error.value.reason


@pytest.mark.parametrize(
    ("expression", "address"),
    [
        ("SEX[P-S]ics", b"host/sexpics"),
        ("[]x]y", b"]y"),
        ("[^]/]y", b"ay"),
        ("[a-]b", b"-b"),
        (r"[\.]b", b".b"),
        (r"\.\?\/\-", b".?/-"),
        (r"\d\D\s\S\w\W", b"1a b_-"),
        ("(?:ab)+c", b"ababc"),
        ("\u00fcb", "\u00fcb".encode()),
        ("(a|b){0,2}c{1}$", b"xabc"),
    ],
)
def test_what_lists_write(expression, address):
    check(expression)
    assert Automaton(["nothing", expression]).matching(address) == 0b10


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)*b", "(a*)*c", "(.*a){20}b", "(a?){200}a{200}", "(x+x+)+y"])
def test_no_expression_stops_a_worker(expression):
    automaton = Automaton([expression])
    begun = time.process_time()
    for number in range(20):
        automaton.matching(b"a" * 400 + b"x" * number + b"/")
        automaton.matching(b"ax" * 50_000)
    assert time.process_time() - begun < 5


def test_as_many_expressions_as_may_be_stop_no_worker():
    automaton = Automaton([f"x{'.' * 245}q{number:03}" for number in range(20)])
    assert 4900 < automaton.size <= 5000
    begun = time.process_time()
    for number in range(10):
        automaton.matching(f"{number:09b}".replace("0", "x").replace("1", "xa").encode() * 60)
    assert time.process_time() - begun < 2


def test_what_was_met_together_is_kept_within_bounds():
    automaton = Automaton(["(a|b)*a(a|b){12}c"])
    for number in range(1 << 13):
        assert not automaton.matching(f"{number:013b}".replace("0", "a").replace("1", "b").encode())
    assert automaton.matching(b"ab" * 7 + b"bc")
