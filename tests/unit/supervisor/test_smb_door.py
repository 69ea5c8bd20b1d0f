"""What the supervisor asks the door of the drives, and who is told what when; door and mail at our own seams."""

import itertools

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.daemon.texts import translator
from appliance.supervisor.alerts_mail import CannotSend, Unwanted
from appliance.supervisor.cut_uploads_text import Cut, cut_off
from appliance.supervisor.smb_door import EVERY, QUIET, SmbDoor

FRED, FRIDA = "fred.mustermann", "frida.lehrer"
NOW = 1_800_000_000.0


class Around:
    """The door and the mail; ``cuts`` are waiting there, ``mails`` were sent; ``fails`` is raised by whom it is for."""

    def __init__(self):
        self.now = NOW
        self.cuts, self.mails, self.ids = [], [], itertools.count(1)
        self.away, self.there, self.deaf = False, True, False
        self.fails = {}
        self.door = SmbDoor(self, lambda: self.there, self.send, lambda: "de", lambda: self.now)

    def call(self, verb, /, **arguments):
        if self.away or (self.deaf and verb == "cuts-told"):
            raise Unreachable("nobody")
        if verb == "standing":
            return {"connections": 3, "persons": 2, "snapshot": [1, 1]}
        if verb == "cuts-told":
            self.cuts = [cut for cut in self.cuts if cut["id"] not in arguments["ids"]]
            return {}
        assert verb == "cuts"
        return {"cuts": list(self.cuts)}

    def send(self, login, letter):
        if login in self.fails:
            raise self.fails[login]
        self.mails.append((login, letter))

    def cut(self, login=FRED, path="Home/film", removed=True):
        self.cuts.append({"id": next(self.ids), "login": login, "path": path, "removed": removed, "at": self.now})

    def later(self, seconds):
        self.now += seconds
        return self.door.work()


@pytest.fixture
def around():
    return Around()


def test_how_many_are_there_is_known(around):
    assert around.door.figures() == ""
    assert around.door.work() == EVERY
    assert around.door.figures() == "3 connections over SMB of 2 persons"
    assert around.door.problem() is None


def test_a_door_that_is_away_is_a_problem_until_it_is_back(around, caplog):
    around.away = True
    assert [around.door.work() for _ in range(3)] == [1, 1, 1]
    assert len(caplog.records) == 1
    assert "no drive opens" in around.door.problem()
    assert around.door.figures() == ""
    around.away = False
    around.door.work()
    assert around.door.problem() is None


def test_where_there_is_no_door_nobody_is_asked(around):
    around.away, around.there = True, False
    assert around.door.work() == EVERY
    assert around.door.problem() is None


def test_who_puts_a_whole_folder_there_gets_one_mail_when_it_is_over(around):
    for number in range(5):
        around.cut(path=f"Home/film{number}")
        assert around.later(QUIET / 2) == EVERY
    assert not around.mails
    around.later(QUIET)
    ((login, letter),) = around.mails
    assert login == FRED
    assert all(f"Home/film{number}\n" in letter.text for number in range(5))
    assert not around.cuts
    around.later(QUIET)
    assert len(around.mails) == 1


def test_who_goes_on_all_the_time_is_told_at_last(around):
    for _ in range(80):
        around.cut()
        around.later(QUIET / 2)
    assert len(around.mails) == 1


def test_each_is_told_of_his_own_only(around):
    around.cut(FRED, "Home/film")
    around.cut(FRIDA, "Staff/list")
    around.later(QUIET)
    mails = dict(around.mails)
    assert "film" in mails[FRED].text
    assert "list" not in mails[FRED].text
    assert "film" not in mails[FRIDA].text


def test_who_has_no_mail_keeps_nobody_else_waiting(around):
    around.fails = {FRED: Unwanted("refuses every address (550)")}
    around.cut(FRED)
    around.cut(FRIDA)
    around.later(QUIET)
    assert [login for login, _ in around.mails] == [FRIDA]
    assert not around.cuts


def test_what_cannot_be_sent_is_sent_later(around, caplog):
    around.fails = {FRED: CannotSend("our own mail cannot be reached")}
    around.cut(FRED)
    around.later(QUIET)
    around.later(10)
    assert len(caplog.records) == 1
    around.fails = {}
    around.later(10)
    assert not around.mails
    around.later(300)
    assert [login for login, _ in around.mails] == [FRED]
    assert FRED not in caplog.text


def test_a_mail_that_fails_keeps_nobody_else_waiting(around):
    around.fails = {FRED: CannotSend("our own mail gives no answer in time")}
    around.cut(FRED)
    around.cut(FRIDA)
    around.later(QUIET)
    around.later(EVERY)
    assert [login for login, _ in around.mails] == [FRIDA]
    around.cut(FRIDA)
    around.later(QUIET)
    assert [login for login, _ in around.mails] == [FRIDA] * 2
    around.fails = {}
    around.later(300)
    assert [login for login, _ in around.mails] == [FRIDA] * 2 + [FRED]


def test_nobody_is_told_twice_when_the_door_goes_in_between(around):
    around.cut()
    around.deaf = True
    around.later(QUIET)
    around.later(QUIET)
    around.deaf = False
    around.later(QUIET)
    assert len(around.mails) == 1
    assert not around.cuts


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_words_say_what_was_cut_and_what_became_of_it(language):
    cuts = [Cut("Home/film", removed=True), Cut("Groups/3a/alt", removed=False), Cut("Home/film", removed=True)]
    letter = cut_off(cuts, translator(language))
    assert letter.text.count("Home/film") == 1
    removed, still = letter.text.index("Home/film"), letter.text.index("Groups/3a/alt")
    assert removed < still
    word = {"de": ("entfernt", "Laufwerk"), "en": ("removed", "drive")}[language]
    assert word[0] in letter.text[:removed]
    assert word[1] in letter.subject
    assert "schon vorher" in letter.text[:still] if language == "de" else "before" in letter.text[:still]


def test_what_did_not_happen_is_not_spoken_of():
    assert "removed" not in cut_off([Cut("Home/alt", removed=False)], str).text
    assert "before" not in cut_off([Cut("Home/alt", removed=True)], str).text


def test_a_name_cannot_write_the_mail():
    letter = cut_off([Cut("Home/a\r\n\r\nDear pupil\u202e\x00", removed=True), Cut("Home/" + "x" * 5000, True)], str)
    assert "\nDear" not in letter.text
    assert "\x00" not in letter.text
    assert max(map(len, letter.text.splitlines())) < 500
