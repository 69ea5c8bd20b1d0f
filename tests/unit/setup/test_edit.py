"""Changing one key of a file that a carer wrote: everything else stays, byte for byte."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.setup.edit import CannotEdit, find, same, set_value


def node(text):
    return yaml.compose(text, Loader=yaml.SafeLoader)


FILE = """\
# The school of the town.  Do not touch!
name: Alt   # the old name

holidays:  # all of them
- {name: Herbst, first: 2026-10-12, last: 2026-10-24}  # from the ministry
# und Schluss
domain: 'see.example'
language: de"""

CASES = [
    ("name", "Neu", FILE.replace("name: Alt ", "name: Neu ")),
    ("domain", "berg.example", FILE.replace("'see.example'", "berg.example")),
    ("language", "en", FILE.replace("language: de", "language: en")),
    ("zone", "Europe/Wien", FILE + "\n\n# Where the clock is.\nzone: Europe/Wien\n"),
    (
        "holidays",
        "[]",
        FILE.replace("\n- {name: Herbst, first: 2026-10-12, last: 2026-10-24}", " []").replace("  # all of them", ""),
    ),
]


@pytest.mark.parametrize(("key", "value", "after"), CASES, ids=[case[0] for case in CASES])
def test_one_key_changes_and_nothing_else(key, value, after):
    assert set_value(FILE, key, node(value), "Where the clock is.") == after


ROOMS = """\
rooms:
  # the computer room
  '12': [10.1.12.0/24]   # 30 PCs
  # Mrs Kaya's
  library:
  - 10.1.20.0/25
  - 10.1.21.7
  # the last one
listen: {}
"""


def test_a_mapping_changes_entry_by_entry_so_that_comments_stay():
    after = set_value(ROOMS, "rooms", node("{'12': [10.1.12.0/24], library: [10.1.22.0/24], '13': [10.1.13.0/24]}"))
    assert after == (
        ROOMS.replace(
            "  library:\n  - 10.1.20.0/25\n  - 10.1.21.7\n", "  library: [10.1.22.0/24]\n  '13': [10.1.13.0/24]\n"
        )
    )


def test_an_entry_that_is_gone_takes_its_line_with_it():
    after = set_value(ROOMS, "rooms", node("{library: [10.1.20.0/25, 10.1.21.7]}"))
    assert after == ROOMS.replace("  '12': [10.1.12.0/24]   # 30 PCs\n", "")


def test_an_empty_and_a_missing_file_get_their_first_key():
    assert set_value("", "name", node("A"), "What.") == "# What.\nname: A\n"
    assert set_value("# only words", "name", node("A")) == "# only words\n\nname: A\n"


@pytest.mark.parametrize("text", ["{name: A}\n", "- a\n", "name: [\n", "just words\n"])
def test_what_cannot_be_edited_is_left_alone(text):
    with pytest.raises(CannotEdit):
        set_value(text, "name", node("B"))


def test_a_key_behind_a_question_mark_is_written_anew_with_its_mapping():
    text = set_value("b:\n  ? ''\n  : - ''\n", "b", node("{'': []}"))
    assert yaml.safe_load(text) == {"b": {"": []}}


def test_find_and_same():
    assert same(find(ROOMS, "rooms"), node("{'12': [10.1.12.0/24], library: [10.1.20.0/25, 10.1.21.7]}"))
    assert find(ROOMS, "names") is None
    assert not same(node("a"), node("b"))
    assert same(None, node("null"))


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F, blacklist_categories=("Cc", "Cs")), max_size=20)
VALUES = st.one_of(WORDS, st.lists(WORDS, max_size=3), st.dictionaries(WORDS, st.lists(WORDS, max_size=2), max_size=3))


@given(before=st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4), value=VALUES, flow=st.booleans())
def test_whatever_stands_there_only_the_key_changes(before, value, flow):
    """The invariant is proved by reading back with another function: yaml.safe_load."""
    one = {"default_flow_style": flow, "allow_unicode": True, "width": 40}
    lines = (
        f"{key}: {yaml.safe_dump(old, **one)}" if flow else yaml.safe_dump({key: old}, **one)
        for key, old in before.items()
    )
    text = "".join(line.removesuffix("...\n") for line in lines)
    after = set_value(text, "b", node(yaml.safe_dump(value, allow_unicode=True)))
    assert yaml.safe_load(after) == {**before, "b": value}
