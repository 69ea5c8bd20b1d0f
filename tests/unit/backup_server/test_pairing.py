"""The exchange of public keys, without a line: both get the same code, and whoever is in between gets another."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server import ssh_key
from appliance.backup_server.pairing import (
    LONGEST,
    PairingError,
    PlaceSide,
    PlaceValues,
    SchoolSide,
    SchoolValues,
    heard,
    shown,
    verdict,
)


def key(letter: str) -> str:
    return f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43}"


SCHOOL = SchoolValues(key("A"), key("B"))
PLACE = PlaceValues("schoolbackup-am-see", key("C"), 22)
NONCES = st.binary(min_size=32, max_size=32)


@given(NONCES, NONCES)
def test_both_learn_the_others_values_and_have_the_same_code(mine, theirs):
    school, place = SchoolSide(SCHOOL, mine), PlaceSide(PLACE, theirs)
    first = school.first()
    answer = place.answer(first)
    last, learnt, code = school.last(answer)
    assert (learnt, place.finish(last)) == (PLACE, (SCHOOL, code))
    assert max(map(len, (first, answer, last))) <= LONGEST
    assert len(code) == 8
    assert code.isdecimal()


def test_a_code_is_shown_in_two_groups():
    assert shown("01234567") == "0123 4567"


def test_who_is_in_between_has_two_codes():
    """He takes the place of each towards the other, with keys of his own."""
    evil = SchoolValues(key("D"), key("E"))
    school, place = SchoolSide(SCHOOL, b"1" * 32), PlaceSide(PLACE, b"2" * 32)
    to_school, to_place = PlaceSide(PlaceValues(PLACE.user, key("F"), 22), b"3" * 32), SchoolSide(evil, b"4" * 32)
    _, _, code_there = school.last(to_school.answer(school.first()))
    last, _, _ = to_place.last(place.answer(to_place.first()))
    assert place.finish(last)[1] != code_there


def test_the_code_changes_with_everything_that_is_said():
    def code(school=SCHOOL, place=PLACE, mine=b"1" * 32, theirs=b"2" * 32):
        side = SchoolSide(school, mine)
        return side.last(PlaceSide(place, theirs).answer(side.first()))[2]

    others = [
        code(school=SchoolValues(key("D"), SCHOOL.recovery)),
        code(school=SchoolValues(SCHOOL.key, key("D"))),
        code(place=PlaceValues("schoolbackup-am-berg", PLACE.host_key, 22)),
        code(place=PlaceValues(PLACE.user, key("D"), 22)),
        code(place=PlaceValues(PLACE.user, PLACE.host_key, 2222)),
        code(mine=b"3" * 32),
        code(theirs=b"3" * 32),
    ]
    assert len({code(), *others}) == 8


def test_what_was_committed_to_cannot_be_changed_afterwards():
    school, place = SchoolSide(SCHOOL, b"1" * 32), PlaceSide(PLACE, b"2" * 32)
    school.last(answer := place.answer(school.first()))
    other, _, _ = SchoolSide(SchoolValues(key("D"), key("E")), b"1" * 32).last(answer)
    with pytest.raises(PairingError, match="committed"):
        place.finish(other)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_garbage_is_an_error_and_never_another(line):
    school, place = SchoolSide(SCHOOL, b"1" * 32), PlaceSide(PLACE, b"2" * 32)
    place.answer(school.first())
    for read in (place.answer, place.finish, school.last, heard):
        with pytest.raises(PairingError):
            read(line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "root"),
        ("user", "schoolbackup-"),
        ("user", "schoolbackup-" + "a" * 20),
        ("user", "schoolbackup-a\n"),
        ("port", 0),
        ("port", 65536),
        ("port", True),
        ("port", "22"),
        ("nonce", "00"),
        ("host_key", "ssh-rsa AAAA"),
        ("more", 1),
    ],
)
def test_each_value_is_what_it_must_be(name, value):
    school = SchoolSide(SCHOOL, b"1" * 32)
    said = json.loads(PlaceSide(PLACE, b"2" * 32).answer(school.first()))
    with pytest.raises(PairingError):
        school.last(json.dumps({**said, name: value}).encode())


def test_another_version_is_named():
    said = json.loads(SchoolSide(SCHOOL, b"1" * 32).first())
    with pytest.raises(PairingError, match="version"):
        PlaceSide(PLACE, b"2" * 32).answer(json.dumps({**said, "pairing": 2}).encode())


def test_only_true_is_yes():
    assert heard(verdict(True))
    assert not heard(verdict(False))
    assert not heard(b'{"same": 1}')


def test_a_key_loses_its_comment():
    assert ssh_key.checked(f"{key('A')} somebody@somewhere") == key("A")


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 ", f"{key('A')[:-4]}", f"x {key('A')}", f"{key('A')}\nssh-ed25519 AAAA", 7]
)
def test_no_key(text):
    with pytest.raises(ValueError, match="no Ed25519"):
        ssh_key.checked(text)
