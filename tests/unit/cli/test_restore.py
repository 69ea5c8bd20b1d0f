"""What comes back, and who is forgotten, on the command line."""

import pytest

CAME = {"folder": "Wiederhergestellt-2026-11-21", "files": 3, "lacking": 0, "left": 0, "mail": False, "at": "then"}


@pytest.mark.parametrize(
    ("words", "sent", "said"),
    [
        (
            ("--user", "fred", "--path", "Mathe/*", "--date", "yesterday"),
            {"user": "fred", "paths": ["Mathe/*"], "mail": False, "date": "yesterday"},
            "3 files are in the home of fred, folder Wiederhergestellt-2026-11-21, as they were then.",
        ),
        (
            ("--user", "fred", "--mail"),
            {"user": "fred", "paths": [], "mail": True},
            "3 messages are in the mailbox of fred",
        ),
        (
            ("--group", "klasse3a", "--path", "a", "--path", "b"),
            {"group": "klasse3a", "paths": ["a", "b"], "mail": False},
            "3 files are in the folder of the group klasse3a",
        ),
    ],
)
def test_the_answer_says_where_it_is(server, schoolserver, words, sent, said):
    whose = {"login": sent.get("user"), "group": sent.get("group")}
    server.answers["restore"] = {**CAME, **whose, "mail": sent["mail"]}
    assert said in schoolserver("restore", *words).output
    assert server.asked == [("restore", sent)]


def test_what_is_left_out_is_counted(server, schoolserver):
    server.answers["restore"] = {**CAME, "login": "fred", "group": None, "lacking": 2, "left": 1}
    output = schoolserver("restore", "--user", "fred", "--path", "*").output
    assert "2 are not in that snapshot" in output
    assert "1 belong to somebody else" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fred.mustermann", "letter.odt"), "--user LOGIN --path"),
        (("--path", "a"), "--user LOGIN, or --group"),
        (("--user", "fred", "--group", "klasse3a", "--path", "a"), "--user LOGIN, or --group"),
        (("--group", "klasse3a", "--mail"), "no mailbox"),
        (("--user", "fred"), "--path"),
    ],
)
def test_a_wrong_form_says_the_right_one(server, schoolserver, words, said):
    answer = schoolserver("restore", *words)
    assert answer.exit_code == 2
    assert said in answer.output
    assert server.asked == []


TOLD = {
    "login": "fred",
    "id": "0123456789ab",
    "ripe": "2026-12-06T01:00:00+00:00",
    "confirmed": False,
    "consent": False,
}


def test_a_person_is_forgotten_when_the_carer_means_it(server, schoolserver):
    server.answers["backup.forget"] = TOLD
    assert schoolserver("backup", "forget", "fred", input="n\n").exit_code == 1
    assert server.asked == []
    output = schoolserver("backup", "forget", "fred", input="y\n").output
    assert "0123456789ab" in output
    assert "2026-12-06" in output
    assert server.asked == [("backup.forget", {"login": "fred", "consent_withdrawn": False, "undo": False})]


def test_a_withdrawn_consent_is_to_be_confirmed_over_there(server, schoolserver):
    server.answers["backup.forget"] = {**TOLD, "consent": True}
    output = schoolserver("backup", "forget", "fred", "--uid", "20001", "--consent-withdrawn", "--yes").output
    assert "have it confirmed now" in output
    assert server.asked == [
        ("backup.forget", {"login": "fred", "uid": "20001", "consent_withdrawn": True, "undo": False})
    ]


def test_it_is_taken_back_without_a_question(server, schoolserver):
    server.answers["backup.forget"] = {"login": "fred", "taken_back": True}
    assert "taken back" in schoolserver("backup", "forget", "fred", "--undo").output
    assert schoolserver("backup", "forget", "fred", "--undo", "--consent-withdrawn").exit_code == 2
