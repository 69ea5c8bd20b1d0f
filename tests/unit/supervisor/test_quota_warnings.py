"""Who is told that his space is nearly full, and that it is once; ledger, mail and table at our own seams."""

from types import SimpleNamespace

import pytest

from appliance.daemon.request_client import Unreachable
from appliance.daemon.texts import translator
from appliance.policy.account import Account, Role
from appliance.supervisor.alerts_mail import CannotSend, Unwanted
from appliance.supervisor.quota_warnings import AT_ONCE, EVERY, QuotaWarnings, Space
from appliance.supervisor.quota_warnings_text import nearly_full
from appliance.supervisor.quotas_ledger import Stopped
from appliance.supervisor.state import StateError

FRED, FRIDA, PROBE = "fred.mustermann", "frida.lehrer", "schoolserver-probe"
QUOTA = 100_000_000


class Around:
    """The ledger, the table and the mail; ``used`` by uid, ``mails`` were sent, ``fails`` by whom it is for."""

    def __init__(self):
        self.accounts = {
            FRED: Account(FRED, 1, Role.PUPIL, quota=QUOTA),
            FRIDA: Account(FRIDA, 2, Role.TEACHER, quota=QUOTA),
            PROBE: Account(PROBE, 3, Role.STAFF, quota=QUOTA, hidden=True),
            "gina.gone": Account("gina.gone", 4, Role.PUPIL, quota=QUOTA, disabled=True),
            "ada.admin": Account("ada.admin", 5, Role.ADMIN, quota=0),
        }
        self.used, self.deleted, self.table = {}, {}, {}
        self.mails, self.counted, self.fails = [], [], {}
        self.known, self.helper, self.full, self.now = True, None, False, 0.0
        self.start()

    def start(self):
        space = Space(lambda: self.known, lambda uid: self.used.get(uid, 0), self.count)
        self.warnings = QuotaWarnings(
            lambda: SimpleNamespace(accounts=self.accounts), space, self, self.send, lambda: "en", lambda: self.now
        )

    def shares(self):
        return dict(self.table)

    def keep(self, shares):
        if self.full:
            raise StateError("no space left")
        self.table |= shares
        self.table = {uid: share for uid, share in self.table.items() if share}

    def count(self, accounts):
        if self.helper is not None:
            raise self.helper
        self.counted.append(accounts)
        for uid in accounts.values():
            self.used[uid] -= self.deleted.pop(uid, 0)

    def send(self, login, letter):
        if login in self.fails:
            raise self.fails[login]
        self.mails.append((login, letter.subject))

    def uses(self, percent, uid=1):
        """Let somebody use so much; who is told."""
        self.used[uid] = QUOTA * percent // 100
        return self.look()

    def look(self):
        before = len(self.mails)
        assert self.warnings.work() == EVERY
        return [(login, subject.partition("than ")[2]) for login, subject in self.mails[before:]]


@pytest.fixture
def around():
    return Around()


def test_once_at_each_crossing(around):
    assert around.uses(79) == []
    assert around.uses(80) == [(FRED, "80 %")]
    assert around.uses(90) == []
    assert around.uses(96) == [(FRED, "95 %")]
    assert around.uses(120) == []
    around.start()
    assert around.look() == [], "kept over a restart"


def test_who_was_below_again_is_told_again(around):
    around.uses(96)
    assert around.uses(94) == around.uses(96) == [], "not for deleting the warning"
    assert around.uses(85) == []
    assert around.uses(95) == [(FRED, "95 %")]
    assert around.uses(10) == []
    assert around.table == {}
    assert around.uses(81) == [(FRED, "80 %")]


def test_who_goes_over_both_gets_one_mail(around):
    assert around.uses(99) == [(FRED, "95 %")]
    assert around.uses(99) == []


def test_nobody_without_a_bound_or_without_mail_is_told(around):
    assert [around.uses(99, uid) for uid in (3, 4, 5)] == [[], [], []]
    around.used[6] = QUOTA
    assert around.look() == []


def test_mail_is_counted_first_and_only_theirs(around):
    around.deleted[1] = QUOTA // 2
    assert around.uses(90) == []
    assert around.counted == [{FRED: 1}]
    assert around.uses(99, 2) == [(FRIDA, "95 %")]
    assert around.counted[1:] == [{FRIDA: 2}]


def test_before_the_disk_was_counted_nobody_is_told(around):
    around.known = False
    assert around.uses(99) == []


@pytest.mark.parametrize("problem", [Unreachable("nobody"), OSError(28, "full")])
def test_what_cannot_be_counted_is_told_later(around, problem):
    around.helper = problem
    assert around.uses(99) == []
    around.helper = None
    assert around.look() == []
    around.now += 601
    assert around.look() == [(FRED, "95 %")]


def test_the_end_of_the_supervisor_is_no_failure(around, caplog):
    around.helper = Stopped()
    assert around.uses(99) == []
    assert not caplog.records


def test_a_mail_that_does_not_get_away_is_tried_again_and_holds_up_nobody(around, caplog):
    around.fails[FRED] = CannotSend("our own mail gives no answer")
    around.used[2] = QUOTA
    assert around.uses(85) == []
    assert around.look() == [(FRIDA, "95 %")]
    assert around.look() == []
    del around.fails[FRED]
    around.now += 601
    assert around.look() == [(FRED, "80 %")]
    assert not any(name in caplog.text for name in (FRED, FRIDA))


def test_who_gets_no_mail_is_not_tried_again(around):
    around.fails[FRED] = Unwanted("nobody takes it")
    around.uses(85)
    del around.fails[FRED]
    around.now += 10_000
    assert around.look() == []


def test_who_was_told_is_known_while_the_state_is_full(around):
    around.full = True
    assert around.uses(85) == [(FRED, "80 %")]
    assert around.look() == []
    around.full = False
    assert around.uses(96) == [(FRED, "95 %")]
    assert around.table == {1: 95}


def test_who_is_gone_is_forgotten(around):
    around.uses(96)
    del around.accounts[FRED]
    around.look()
    assert around.table == {}


def test_a_whole_school_is_told_bit_by_bit(around):
    around.accounts = {f"p{uid}": Account(f"p{uid}", uid, Role.PUPIL, quota=QUOTA) for uid in range(10, 130)}
    around.used = dict.fromkeys(range(10, 130), QUOTA)
    assert [len(around.look()) for _ in range(4)] == [AT_ONCE, AT_ONCE, 20, 0]


@pytest.mark.parametrize(("language", "words"), [("en", "80 %"), ("de", "80 %")])
def test_the_letter(language, words):
    letter = nearly_full(80, 81_400_000, QUOTA, translator(language))
    assert words in letter.subject
    assert "81 " in letter.text and "100 MB" in letter.text
    assert ("Papierkorb" in letter.text) == (language == "de")
