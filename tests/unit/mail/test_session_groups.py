"""A conversation about groups: who is reached and left out, who speaks for one, how many are too many."""

from dataclasses import replace

import pytest

from appliance.auth.client import Answer, Verdict
from appliance.mail.envelope import Asked, Envelope
from appliance.mail.head import Field, read_fields
from appliance.mail.party import OutsideRecipient
from appliance.mail.reports_text import Action
from appliance.mail.session import MailSession
from appliance.policy.account import Group, GroupKind, Role
from appliance.policy.decision import Reason
from appliance.policy.events import Kind
from appliance.policy.mailing import MailRules, RoleRules

from .test_session import Around

CLASS, CHOIR = "klasse3a@schule.example", "chor@schule.example"


@pytest.fixture
def around(make_snapshot, new_account, now):
    pupils = [
        new_account(login, uid=uid, groups=("chor", "klasse3a"), quota=1_000)
        for uid, login in enumerate(("fred", "gina", "hans"), 1)
    ]
    snapshot = make_snapshot(
        *pupils,
        new_account("tina", Role.TEACHER, uid=9, display_name="Tina Lehrer", groups=("klasse3a",)),
        new_account("ada", Role.ADMIN, uid=10, quota=1_000),
        new_account("bea", Role.ADMIN, uid=11, quota=1_000),
    )
    snapshot = replace(
        snapshot,
        groups={
            "klasse3a": Group("klasse3a", GroupKind.CLASS, 1, "Klasse 3a"),
            "chor": Group("chor", GroupKind.CLUB, 2),
        },
        mail=MailRules(sends_outside=frozenset({Role.TEACHER})),
    )
    return Around(snapshot, now, Verdict(Answer.VERIFIED, "tina"))


def begin(around: Around, login: str = "tina", size: int = 100, dsn: Envelope = Envelope()) -> MailSession:  # noqa: B008 - frozen
    session = around.signed_in(login)
    assert session.sender(f"{login}@schule.example", size, dsn) is None
    session.trace("7f3a", smtputf8=False)
    return session


def test_a_teacher_reaches_a_class_once_with_whoever_is_named_beside_it(around) -> None:
    session = begin(around)
    assert session.recipient("fred@schule.example") is None
    assert session.recipient(CLASS) is None
    assert session.whole(100).logins == ("fred", "gina", "hans", "tina")


def test_a_pupil_reaches_his_club_but_no_class(around) -> None:
    session = begin(around, "fred")
    assert session.recipient(CLASS).startswith("550 5.7.1 ")
    assert around.refusals == [Reason.CLOSED_GROUP]
    assert session.recipient(CHOIR) is None
    assert session.whole(100).logins == ("fred", "gina", "hans")


def test_who_has_no_room_is_left_out_of_a_group_and_the_sender_told(around, now) -> None:
    around.used = {2: 950}
    session = begin(around, dsn=Envelope("HDRS", "QQ314159"))
    assert session.recipient(CLASS, Asked(orcpt="rfc822;3a@x")) is None
    delivery = session.whole(100)
    assert delivery.logins == ("fred", "hans", "tina")
    ((login, report),) = delivery.reports
    assert (login, report.to, report.envid, report.whole) == ("tina", "tina@schule.example", "QQ314159", False)
    (outcome,) = report.outcomes
    assert (outcome.address, outcome.action, outcome.status) == ("gina@schule.example", Action.FAILED, "5.2.2")
    assert outcome.original == "rfc822;3a@x"
    assert (report.identity, report.arrived) == ("7f3a.report", now)
    assert around.used[2] == 950
    session.accepted("7f3a", 120, [("tina", 30)])
    assert around.used == {1: 120, 2: 950, 3: 120, 9: 150}
    assert around.events[-1].fields["recipients"] == ("fred", "hans", "tina")


@pytest.mark.parametrize(
    ("notify", "told"),
    [((), ["failed"]), (("FAILURE",), ["failed"]), (("NEVER",), []), (("DELAY",), []), (("SUCCESS",), ["delivered"])],
)
def test_who_is_told_what_is_as_he_asked(around, notify: tuple[str, ...], told: list[str]) -> None:
    around.used = {2: 950}
    session = begin(around)
    session.recipient(CLASS, Asked(frozenset(notify)))
    outcomes = [outcome.action for _, report in session.whole(100).reports for outcome in report.outcomes]
    assert outcomes == told


def test_a_group_of_full_boxes_alone_refuses(around) -> None:
    around.used = {1: 1_000, 2: 1_000, 3: 1_000}
    session = begin(around, "fred")
    assert session.recipient(CHOIR).startswith("452 4.2.2 ")
    around.used = {}
    session = begin(around, "fred")
    assert session.recipient(CHOIR) is None
    assert session.whole(1_500).startswith("552 5.2.2 ")


def test_a_box_that_fills_while_the_message_comes_is_left_out_of_a_group_and_refused_alone(around) -> None:
    session = begin(around)
    session.recipient(CLASS)
    around.used = {2: 950}
    assert session.whole(100).logins == ("fred", "hans", "tina")
    session.recipient("gina@schule.example")
    session.recipient("fred@schule.example")
    around.used = {2: 950}
    session = begin(around, size=10)
    session.recipient("gina@schule.example")
    assert session.whole(100).startswith("452 4.2.2 ")


def test_who_was_removed_while_the_message_came_gets_no_mailbox_again(around) -> None:
    session = begin(around)
    session.recipient(CLASS)
    alone = begin(around)
    alone.recipient("gina@schule.example")
    accounts = {login: one for login, one in around.snapshot.accounts.items() if login != "gina"}
    around.snapshot = replace(around.snapshot, accounts=accounts)
    delivery = session.whole(100)
    assert delivery.logins == ("fred", "hans", "tina")
    assert [(one.address, one.status) for one in delivery.reports[0][1].outcomes] == [("gina@schule.example", "5.2.1")]
    assert alone.whole(100).startswith("550 5.2.1 ")


def test_nobody_is_told_who_is_behind_a_role_address(around) -> None:
    around.used = {10: 950}
    session = begin(around)
    assert session.recipient("postmaster@schule.example") is None
    delivery = session.whole(100)
    assert (delivery.logins, delivery.reports) == (("bea",), ())


def test_mail_to_the_outside_goes_to_the_spool_and_success_there_is_told_later(around) -> None:
    session = begin(around)
    asked = Asked(frozenset({"SUCCESS"}))
    assert session.recipient("anna@town.example", asked) is None
    assert session.recipient("fred@schule.example") is None
    delivery = session.whole(100)
    assert delivery.outside == (OutsideRecipient("anna@town.example", asked),)
    assert (delivery.logins, delivery.reports) == (("fred",), ())
    session.accepted("7f3a", 120)
    assert around.events[-1].fields["recipients"] == ("fred", "anna@town.example")


def test_a_teacher_speaks_for_his_class(around) -> None:
    session = around.signed_in("tina")
    assert session.sender("Klasse3A@schule.example", None) is None
    assert session.sender(CHOIR, None).startswith("550 5.7.1 ")
    fields = read_fields(b"From: Die Schulleitung <klasse3a@schule.example>\r\nReply-To: tina@schule.example\r\n")
    assert session.head(fields) == (
        b"From: Klasse 3a <klasse3a@schule.example>\r\n"
        b"Reply-To: Tina Lehrer <tina@schule.example>\r\n"
        b"Sender: Tina Lehrer <tina@schule.example>\r\n\r\n"
    )
    assert session.head((Field("from", CHOIR.encode()),)).startswith("550 5.7.1 ")


def test_the_server_itself_writes_as_postmaster(around, new_account) -> None:
    probe = new_account("probe", Role.STAFF, hidden=True, consents=frozenset())
    around.snapshot = replace(around.snapshot, accounts={**around.snapshot.accounts, "probe": probe})
    session = around.signed_in("probe")
    assert session.sender("postmaster@schule.example", None) is None
    head = session.head(read_fields(b"From: postmaster@schule.example\r\n"))
    assert head == b"From: Postmaster <postmaster@schule.example>\r\n\r\n"
    assert around.signed_in("ada").sender("postmaster@schule.example", None).startswith("550 5.7.1 ")


def test_a_pupil_speaks_for_himself_only(around) -> None:
    session = around.signed_in("fred")
    for group in (CLASS, CHOIR):
        assert session.sender(group, None).startswith("550 5.7.1 ")
        assert session.head((Field("from", group.encode()),)).startswith("550 5.7.1 ")


def limited(around: Around, per_message: int, per_hour: int) -> None:
    rules = RoleRules(per_message=per_message, per_hour=per_hour)
    around.snapshot = replace(around.snapshot, mail=MailRules(dict.fromkeys(Role, rules)))


def test_a_message_to_too_many_is_refused_when_the_group_is_expanded(around) -> None:
    around.recipients_max = 9
    limited(around, 3, 9)
    session = begin(around)
    assert session.recipient(CLASS).startswith("550 5.5.3 ")
    assert session.recipient("fred@schule.example") is None
    assert session.recipient("gina@schule.example") is None
    assert session.recipient("ada@schule.example") is None
    assert session.recipient("FRED@schule.example") is None  # he is counted once
    assert session.recipient("bea@schule.example").startswith("550 5.5.3 ")
    assert around.refusals == [Reason.TOO_MANY, Reason.TOO_MANY]


def test_the_hour_counts_what_was_delivered(around) -> None:
    around.recipients_max = 9
    limited(around, 4, 6)
    around.used = {2: 950}
    session = begin(around)
    session.recipient(CLASS)
    assert session.whole(100).logins == ("fred", "hans", "tina")
    assert around.hours.added == {9: 3}
    session = begin(around)
    refused = session.recipient(CLASS)
    assert refused.startswith("452 4.5.3 ") and " in 20 min. " in refused
    assert around.refusals == [Reason.HOUR_FULL]
    for login in ("fred", "hans", "ada"):
        assert session.recipient(f"{login}@schule.example") is None
    assert session.recipient("bea@schule.example").startswith("452 4.5.3 ")


def test_two_messages_at_the_same_time_share_the_hour(around) -> None:
    limited(around, 4, 5)
    one, other = begin(around), begin(around)
    assert one.recipient(CLASS) is None and other.recipient(CLASS) is None
    assert one.whole(100).logins == ("fred", "gina", "hans", "tina")
    assert other.whole(100).startswith("452 4.5.3 ")
    assert around.hours.added == {9: 4}


def outward(around: Around, announced: int, *more: str) -> MailSession:
    session = begin(around, size=announced)
    for address in ("anna@town.example", *more):
        assert session.recipient(address) is None
    return session


def test_what_waits_to_go_outside_has_one_bound_for_all(around) -> None:
    around.spool.waits = 9_000
    session = begin(around, size=1_001)
    assert session.recipient("anna@town.example").startswith("452 4.3.1 ")
    one, other = outward(around, 0, "bert@town.example"), outward(around, 600)
    assert len(one.whole(600).outside) == 2
    assert around.spool.waits == 9_600  # one file, whoever gets it
    assert other.whole(600).startswith("452 4.3.1 ")
    one.lost()
    assert around.spool.waits == 9_000 and len(other.whole(600).outside) == 1
    other.accepted("7f3a", 600)
    assert around.spool.waits == 9_600


def test_a_full_spool_keeps_nobody_from_writing_to_the_school(around) -> None:
    around.spool.waits = around.spool.most
    session = begin(around)
    assert session.recipient("anna@town.example").startswith("452 4.3.1 ")
    assert session.recipient("fred@schule.example") is None
    assert session.whole(100).logins == ("fred",)
    assert around.spool.waits == around.spool.most


def weighed(around: Around, most: int) -> None:
    """Let everybody write ``most`` bytes an hour."""
    around.recipients_max = 9
    around.used = {}
    around.snapshot = replace(around.snapshot, mail=MailRules(dict.fromkeys(Role, RoleRules(bytes_per_hour=most))))


def test_the_hours_bytes_are_those_of_all_mailboxes(around) -> None:
    weighed(around, 4_000)
    session = begin(around)
    session.recipient(CLASS)
    people = len(session.whole(400).logins)
    assert around.weights.added == {9: -(-people * 400 // 1024)}
    session = begin(around)
    session.recipient(CLASS)
    refused = session.whole(500)
    assert refused.startswith("452 4.5.3 ") and " in 20 min. " in refused
    assert around.refusals == [Reason.HOUR_SPENT]
    assert around.hours.added == {9: people}  # what is refused counts nowhere
    assert sum(around.used.values()) == people * 400


def test_a_size_that_is_announced_is_judged_at_once(around) -> None:
    weighed(around, 4_500)
    session = around.signed_in("tina")
    assert session.sender("tina@schule.example", 900) is None
    for login in ("fred", "gina", "hans", "bea"):
        assert session.recipient(f"{login}@schule.example") is None
    assert session.recipient("ada@schule.example").startswith("552 5.3.4 ")
    assert around.refusals == [Reason.TOO_MUCH]


def test_the_envelope_is_recorded_in_parts_that_the_journal_takes(around, make_snapshot, new_account) -> None:
    accounts = {**around.snapshot.accounts}
    for number in range(250):
        pupil = new_account(f"pupil{number:03d}", uid=100 + number, groups=("klasse3a",))
        accounts[pupil.login] = pupil
    around.snapshot = replace(around.snapshot, accounts=accounts)
    session = around.signed_in("tina")
    session.sender(CLASS, None)
    session.recipient(CLASS)
    assert len(session.whole(10).logins) == 254
    session.accepted("7f3a", 10)
    events = [event.fields for event in around.events if event.kind is Kind.MAIL_ACCEPTED]
    assert [len(fields["recipients"]) for fields in events] == [100, 100, 54]
    assert {fields["sender"] for fields in events} == {CLASS}


def test_what_the_scanner_found_is_refused(around) -> None:
    assert begin(around).harmful().startswith("550 5.7.1 ")
    assert around.refusals == [Reason.HARMFUL]


@pytest.mark.parametrize("earlier", [True, False])
def test_room_for_one_is_not_given_to_two_who_ask_at_the_same_moment(around, monkeypatch, earlier: bool) -> None:
    """Each worker adds to a file of its own: another one asks right before that, or right after (K11)."""
    around.used = {1: 900}
    session, other = begin(around, size=60), begin(around, size=60)
    for one in (session, other):
        assert one.recipient("fred@schule.example") is None
    others: list[object] = []

    def add(self, uid, amount):
        if not others:
            others.append(None)
            if earlier:
                others[0] = other.whole(60)
            self.used[uid] = self.of(uid) + amount
            if not earlier:
                others[0] = other.whole(60)
        else:
            self.used[uid] = self.of(uid) + amount

    monkeypatch.setattr(Around, "add", add)
    taken = [found for found in (session.whole(60), *others) if not isinstance(found, str)]
    assert (len(taken), around.used) == (1, {1: 960})
