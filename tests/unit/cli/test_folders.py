"""Former versions on the command line: listed, and given up only when it is said which."""

import pytest

INSTANT = "@GMT-2026.11.20-07.30.00"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"instants": [INSTANT], "hindrance": None}, f"{INSTANT}\n"),
        ({"instants": [], "hindrance": None}, "There are none.\n"),
        ({"instants": [], "hindrance": "no btrfs"}, "There are none: no btrfs.\n"),
    ],
)
def test_what_there_is(server, schoolserver, answer, said):
    server.answers["folders.versions"] = answer
    assert schoolserver("folders", "versions").output == said


@pytest.mark.parametrize(("word", "sent"), [(INSTANT, {"instant": INSTANT}), ("--all", {})])
def test_they_are_given_up_when_the_carer_means_it(server, schoolserver, word, sent):
    server.answers["folders.forget"] = {"count": 1}
    assert schoolserver("folders", "forget", word, input="n\n").exit_code == 1
    assert server.asked == []
    assert "1 instants are given up" in schoolserver("folders", "forget", word, input="y\n").output
    assert server.asked == [("folders.forget", sent)]


@pytest.mark.parametrize("words", [(), (INSTANT, "--all")])
def test_which_must_be_said(server, schoolserver, words):
    assert schoolserver("folders", "forget", "--yes", *words).exit_code == 2
    assert server.asked == []
