"""What a carer's pattern means in a snapshot's list, and that nothing of anybody else is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup.matching import matched, pattern
from appliance.backup.problem import BackupError
from appliance.backup_server.manifest import Entry, Section

FRED, ERIKA = 20001, 20002
TREE = {
    "": "d",
    "Mathe": "d",
    "Mathe/Blatt 1.odt": "f",
    "Mathe/Blatt 2.odt": "f",
    "Mathe/alt": "d",
    "Mathe/alt/deep": "d",
    "Mathe/alt/deep/x.pdf": "f",
    "Mathe.txt": "f",
    "Kunst": "d",
    "Kunst/Äpfel.png": "f",
    "Kunst/link": "l",
    "Kunst/pipe": "p",
    "[1] *.txt": "f",
}


def lines(tree=TREE, **owners):
    entries = [
        Entry(kind, 0o700, owners.get(path.replace("/", "_"), FRED), FRED, 0, 0, "-", "-", path.encode() or b".")
        for path, kind in tree.items()
    ]
    return Section.of("homes", "fred", FRED, "0" * 32, entries).lines


def found(*patterns, uid=FRED, **owners):
    return [path.decode() for path in matched(lines(**owners), patterns, uid).entries]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("Mathe.txt", [".", "Mathe.txt"]),
        ("Mathe/*.odt", [".", "Mathe", "Mathe/Blatt 1.odt", "Mathe/Blatt 2.odt"]),
        ("Mathe/Blatt ?.odt", [".", "Mathe", "Mathe/Blatt 1.odt", "Mathe/Blatt 2.odt"]),
        ("Kunst/?pfel.png", [".", "Kunst", "Kunst/Äpfel.png"]),
        ("/Mathe/alt/", [".", "Mathe", "Mathe/alt", "Mathe/alt/deep", "Mathe/alt/deep/x.pdf"]),
        ("**/*.pdf", [".", "Mathe", "Mathe/alt", "Mathe/alt/deep", "Mathe/alt/deep/x.pdf"]),
        ("Mathe/**/x.pdf", [".", "Mathe", "Mathe/alt", "Mathe/alt/deep", "Mathe/alt/deep/x.pdf"]),
        ("[[]1] [*].txt", [".", "[1] *.txt"]),
        ("Kunst", [".", "Kunst", "Kunst/link", "Kunst/Äpfel.png"]),
    ],
)
def test_a_pattern_means(given_, expected):
    assert found(given_) == expected


def test_a_folder_comes_whole_and_everything_is_a_star():
    assert len(found("Mathe")) == 7
    assert len(found("*")) == len(TREE) - 1
    assert found("**") == found("*")
    assert found("Mathe.txt", "Kunst/link") == [".", "Kunst", "Kunst/link", "Mathe.txt"]


def test_what_is_no_file_is_left_and_counted():
    assert matched(lines(), ["Kunst/*"], FRED).left == 1


def test_nothing_of_another_owner_is_meant():
    assert found("Mathe", Mathe_alt=ERIKA) == [".", "Mathe", "Mathe/Blatt 1.odt", "Mathe/Blatt 2.odt"]
    assert matched(lines(Mathe_alt=ERIKA), ["*"], FRED).left == 2
    with pytest.raises(BackupError, match="belong to somebody else"):
        found("Mathe.txt", **{"Mathe.txt": ERIKA})
    with pytest.raises(BackupError):
        matched(lines({**TREE}, **{"": ERIKA}), ["*"], FRED)


def test_a_groups_files_are_of_many():
    assert "Mathe/alt/deep/x.pdf" in found("Mathe", uid=None, Mathe_alt=ERIKA)


def test_no_match_says_how_much_there_is_and_not_what():
    with pytest.raises(BackupError) as caught:
        found("Physik/*")
    assert "12 files and folders" in caught.value.text
    assert not any(name and name in caught.value.text for name in TREE)


@pytest.mark.parametrize(
    "text", ["", "/", "..", "../erika.lehmann/*", "Mathe/../..", "a//b", "./a", "a\0b", "a\nb", "x" * 2049, "*/" * 65]
)
def test_what_leaves_the_home_is_no_pattern(text):
    with pytest.raises(BackupError) as caught:
        pattern(text)
    assert caught.value.kind == "refused"


def test_a_name_that_is_no_text_is_found():
    entries = [
        Entry("d", 0o700, FRED, 0, 0, 0, "-", "-", b"."),
        Entry("f", 0o600, FRED, 0, 0, 0, "-", "-", b"B\xe4r\n"),
    ]
    section = Section.of("homes", "fred", FRED, "0" * 32, entries)
    assert list(matched(section.lines, ["B*"], FRED).entries) == [b".", b"B\xe4r\n"]
    assert list(matched(section.lines, ["B?r?"], FRED).entries) == [b".", b"B\xe4r\n"]


@given(
    st.lists(st.sampled_from(["**", "*", "a", "a*b", "?", "[", "[!a]"]), min_size=1, max_size=12), st.integers(1, 40)
)
def test_no_pattern_is_slow_or_wrong_about_depth(parts, depth):
    path = [b"a" * 50] * depth
    meant = pattern("/".join(parts))(path)
    if "**" not in parts and depth != len(parts):
        assert not meant
    if set(parts) <= {"*", "**"} and parts.count("*") <= depth and "**" in parts:
        assert meant
