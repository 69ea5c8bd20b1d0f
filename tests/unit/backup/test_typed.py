"""Bytes that people type: what fingers do does not matter or is told with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from appliance.backup import typed
from appliance.backup.problem import BackupError

contents = some.binary(min_size=32, max_size=32)


@given(contents)
def test_what_is_typed_as_printed_is_read(content):
    assert typed.content("K", 4, typed.lines("K", content)) == content


@given(contents, some.randoms(use_true_random=False))
def test_case_blanks_and_look_alikes_do_not_matter(content, chance):
    looks = {"0": "0Oo", "1": "1IiLl"}
    spoiled = {
        label: "".join(chance.choice(["", " ", "-"]) + chance.choice(looks.get(one, one + one.lower())) for one in line)
        for label, line in typed.lines("K", content).items()
    }
    assert typed.content("K", 4, spoiled) == content


@given(contents, some.integers(0, 15), some.sampled_from(typed._LETTERS))
def test_one_wrong_letter_is_told_with_its_line(content, at, letter):
    line = typed.lines("K", content)["K3"].replace(" ", "")
    wrong = line[:at] + letter + line[at + 1 :]
    if wrong == line:
        assert typed.read("K3", wrong) == content[16:24]
    else:
        with pytest.raises(BackupError, match=r"line K3") as told:
            typed.read("K3", wrong)
        assert line[:4] not in told.value.text
        assert wrong[:4] not in told.value.text


def test_a_line_in_the_place_of_another_is_told():
    lines = typed.lines("K", bytes(range(32)))
    with pytest.raises(BackupError, match="line K1 is mistyped"):
        typed.content("K", 4, lines | {"K1": lines["K2"], "K2": lines["K1"]})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "line K1 is missing"),
        (" - ", "line K1 is missing"),
        ("ABCD EFGH JKMN PQR", "line K1 has 16 letters and digits, this one 15"),
        ("ABCD EFGH JKMN PQRUV", r"line K1: 'U' is in no line of a sheet; is it a V\?"),
        ("ABCD EFGH JKMN PQR§", r"line K1: '\\xa7' is in no line of a sheet"),
    ],
)
def test_what_is_no_line_is_told(line, told):
    with pytest.raises(BackupError, match=told):
        typed.read("K1", line)


@given(some.text())
def test_any_text_is_read_or_told(text):
    try:
        assert len(typed.read("K1", text)) == typed.WIDTH
    except BackupError as error:
        assert error.text.startswith("line K1")
