"""Codes of refusals can be read out, typed, and found again."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.codes import new_code, normalise

from .strategies import checked


def test_a_code_is_made_from_the_first_five_bytes():
    assert new_code(bytes(5)) == "0000-0000"
    assert new_code(b"\xff" * 8) == "ZZZZ-ZZZZ"
    assert new_code(b"\x08\x86\x42\x98\xe8rest") == "1234-5678"


def test_too_little_chance_is_an_error():
    with pytest.raises(ValueError, match="5 random bytes"):
        new_code(b"1234")


@pytest.mark.parametrize("text", ["7KQF-2MXA", "7kqf2mxa", " 7KQF 2MXA\n", "7-k-q-f-2-m-x-a"])
def test_any_way_of_writing_a_code_means_it(text):
    assert normalise(text) == "7KQF-2MXA"


def test_letters_that_look_like_digits_are_those():
    assert normalise("OIL0-oil1") == "0110-0111"


@pytest.mark.parametrize("text", ["", "7KQF-2MX", "7KQF-2MXAA", "7KQF-2MXU", "7KQF-2MXÄ", "٧KQF-2MXA"])
def test_what_is_no_code_is_refused(text):
    with pytest.raises(ValueError, match="7KQF-2MXA"):
        normalise(text)


@checked
@given(st.binary(min_size=5, max_size=9))
def test_every_code_normalises_to_itself(chance):
    code = new_code(chance)
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    assert normalise(code) == code == normalise(code.lower().replace("-", ""))


@checked
@given(st.text(max_size=12))
def test_normalising_twice_is_normalising_once(text):
    try:
        code = normalise(text)
    except ValueError:
        return
    assert normalise(code) == code
