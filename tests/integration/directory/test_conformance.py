"""What every directory must do for us, whatever it is: slapd and the Samba domain."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.client import Checked
from appliance.directory.errors import AlreadyExists, DirectoryRefused, NotFound
from appliance.policy.account import GroupKind, Role

GOOD = Secret("Schöner-Tag-7")
OTHER = Secret("Anders 99! ﬁ")  # ends in a ligature, which SASLprep would take apart
LONG = Secret("Ein-langer-Satz-7-" + "abcdefghijklmnopqrstuvw" * 4 + "-Ende.mit.Punkt!")


def names(found):
    return {one.login for one in found.accounts}


def group_in(school, name):
    return next(group for group in school.supervisor.read().groups if group.name == name)


def test_a_new_account_is_read_as_it_was_written(shared):
    shared.account("jana.mueller-luedenscheidt", Role.TEACHER, given_name="Jana", surname="Müller, Lüdenscheidt")
    found = shared.supervisor.find("jana.mueller-luedenscheidt")
    assert isinstance(found.uuid, UUID)
    assert (found.given_name, found.surname) == ("Jana", "Müller, Lüdenscheidt")
    assert found.display_name == "Jana Müller, Lüdenscheidt"
    assert found.mail == "jana.mueller-luedenscheidt@schule.example"
    assert (found.role, found.groups, found.hidden) == (Role.TEACHER, (), False)
    assert (found.disabled, found.log_on) == (False, True)
    assert (found.must_change, found.password_changed_at) == (False, None), "it has none that anybody knows"
    assert found in shared.supervisor.read().accounts
    assert shared.auth.find("jana.mueller-luedenscheidt") == found


def test_an_account_of_the_server_itself_is_hidden(shared):
    shared.account("schoolserver-probe", hidden=True)
    found = shared.auth.find("schoolserver-probe")
    assert found.hidden
    assert found.role is Role.STAFF


@pytest.mark.parametrize(
    "login", ["a*b", "a,b=c", 'q"u;o<t>e', "(x)\\#", " edge ", "#hash", "ümläut", "null\0byte", "a+b"]
)
def test_no_name_is_taken_for_syntax(shared, login):
    assert shared.supervisor.find(login) is None
    assert shared.auth.check(login, GOOD) is Checked.WRONG
    with pytest.raises(NotFound):
        shared.supervisor.remove_group(login)
    with pytest.raises(NotFound):
        shared.auth.set_password(login, GOOD, must_change=False)


@pytest.mark.parametrize(
    ("given_name", "surname"),
    [
        ("Seán-Óg", "O'Neill"),
        ("Anna Lena Sophie", "von der Ahé-Müller"),
        ("Владимир", "Жуковский"),
        ("美咲", "山田"),
        ("Łucja", 'Żółć, #+"\\<>;='),
        ("Karl Theodor", "mit Leerzeichen"),
        ("Ayşe", ""),
    ],
)
def test_names_as_people_have_them(shared, given_name, surname):
    for _ in range(2):  # and two of the same name
        login = shared.account(f"name{next(shared.numbers)}", given_name=given_name, surname=surname)
        found = shared.supervisor.find(login)
        assert (found.given_name, found.surname) == (given_name, surname or given_name)
        assert found.display_name == f"{given_name} {surname}".strip()
        assert found in shared.supervisor.read().accounts


def test_very_long_names_keep_their_beginning_and_are_shown_whole(shared):
    given_name = "Karl-Theodor Maria Nikolaus Johann Jacob Philipp Franz Joseph Sylvester"
    shared.account("karl.lang", given_name=given_name, surname="Lang")
    found = shared.supervisor.find("karl.lang")
    assert given_name.startswith(found.given_name)
    assert len(found.given_name) >= 64
    assert found.display_name == f"{given_name} Lang"


@pytest.mark.parametrize(
    "login",
    ["maximilian.mustermann-schmidt", "maximilian.mustermann-schmitt", "a." + "n" * 60 + ".z", "o'neil.k", "9.lives"],
)
def test_logins_long_or_odd(shared, login):
    shared.account(login)
    shared.auth.set_password(login, GOOD, must_change=False)
    assert shared.auth.check(login, GOOD) is Checked.GOOD
    assert shared.supervisor.find(login).login == login
    shared.supervisor.remove_account(login)
    assert shared.auth.check(login, GOOD) is Checked.WRONG


def test_case_makes_no_difference(shared):
    shared.account("gross.klein")
    shared.group("Chor9", GroupKind.CLUB)
    shared.auth.set_password("Gross.KLEIN", GOOD, must_change=False)
    assert shared.auth.check("GROSS.klein", GOOD) is Checked.GOOD
    assert shared.auth.check("gross.klein", Secret(GOOD.reveal().upper())) is Checked.WRONG
    shared.supervisor.add_members("chor9", ["GROSS.KLEIN"])
    shared.supervisor.add_members("CHOR9", ["gross.klein"])
    assert shared.supervisor.find("Gross.Klein").login == "gross.klein"
    assert group_in(shared, "Chor9").members == ("gross.klein",)
    with pytest.raises(AlreadyExists):
        shared.account("GROSS.KLEIN")


def test_titles_of_groups_with_special_characters(shared):
    shared.group("klasse*3(a)", title='Klasse 3a, "die Füchse" (früher 2a) \\ *')
    assert group_in(shared, "klasse*3(a)").title == 'Klasse 3a, "die Füchse" (früher 2a) \\ *'
    shared.account("titel.kind")
    shared.supervisor.add_members("klasse*3(a)", ["titel.kind"])
    assert shared.supervisor.find("titel.kind").groups == ("klasse*3(a)",)


def test_login_numeric_id_and_group_name_are_there_once(shared):
    shared.account("einmal.ig")
    taken = shared.supervisor.find("einmal.ig").uid
    with pytest.raises(AlreadyExists):
        shared.account("einmal.ig")
    with pytest.raises(AlreadyExists):
        shared.supervisor.create_account(login="zweimal.ig", uid=taken, given_name="Z", surname="W", role=Role.PUPIL)
    shared.group("chor", GroupKind.CLUB)
    with pytest.raises(AlreadyExists):
        shared.group("chor", GroupKind.COURSE)


def test_changes_of_an_account(shared):
    shared.account("vorher.name")
    before = shared.supervisor.find("vorher.name")
    shared.supervisor.update_account("vorher.name", surname="Nachher", display_name="Vorher Nachher", role=Role.OFFICE)
    after = shared.supervisor.find("vorher.name")
    assert (after.surname, after.display_name, after.role) == ("Nachher", "Vorher Nachher", Role.OFFICE)
    assert (after.uuid, after.uid, after.given_name) == (before.uuid, before.uid, before.given_name)
    shared.supervisor.update_account("vorher.name")
    assert shared.supervisor.find("vorher.name") == after
    with pytest.raises(NotFound):
        shared.supervisor.update_account("niemand.da", surname="X")


def test_membership(shared):
    for login in ("anna.gruppe", "ben.gruppe"):
        shared.account(login)
    shared.group("klasse3a", title="Klasse 3a")
    shared.group("lehrer", GroupKind.STAFF)
    shared.supervisor.add_members("klasse3a", ["ben.gruppe", "anna.gruppe", "anna.gruppe"])
    shared.supervisor.add_members("klasse3a", ["anna.gruppe"])
    shared.supervisor.add_members("lehrer", ["anna.gruppe"])
    group = group_in(shared, "klasse3a")
    assert (group.kind, group.title, group.members) == (GroupKind.CLASS, "Klasse 3a", ("anna.gruppe", "ben.gruppe"))
    assert shared.auth.find("anna.gruppe").groups == ("klasse3a", "lehrer")
    shared.supervisor.remove_members("klasse3a", ["anna.gruppe", "niemand.da"])
    shared.supervisor.remove_members("klasse3a", ["anna.gruppe"])
    assert group_in(shared, "klasse3a").members == ("ben.gruppe",)
    with pytest.raises(NotFound):
        shared.supervisor.add_members("klasse3a", ["anna.gruppe", "niemand.da"])
    assert group_in(shared, "klasse3a").members == ("ben.gruppe",)
    with pytest.raises(NotFound):
        shared.supervisor.add_members("klasse9z", ["anna.gruppe"])
    shared.supervisor.remove_group("lehrer")
    assert shared.supervisor.find("anna.gruppe").groups == ()


def test_a_removed_account_leaves_its_groups(shared):
    shared.account("geht.weg")
    shared.group("kurs1", GroupKind.COURSE)
    shared.supervisor.add_members("kurs1", ["geht.weg"])
    shared.supervisor.remove_account("geht.weg")
    assert shared.supervisor.find("geht.weg") is None
    assert group_in(shared, "kurs1").members == ()
    assert shared.auth.check("geht.weg", GOOD) is Checked.WRONG
    with pytest.raises(NotFound):
        shared.supervisor.remove_account("geht.weg")


@pytest.mark.parametrize("password", [GOOD, OTHER, LONG, Secret("{CLEARTEXT}Wort-9")])
def test_passwords(shared, password):
    login = shared.account(f"pass.wort{next(shared.numbers)}")
    assert shared.auth.check(login, password) is Checked.WRONG, "an account without a password lets nobody in"
    start = datetime.now(UTC)
    shared.auth.set_password(login, password, must_change=False)
    assert shared.auth.check(login, password) is Checked.GOOD
    assert shared.auth.check(login, Secret(password.reveal() + "x")) is Checked.WRONG
    assert shared.auth.check(login, Secret("")) is Checked.WRONG
    changed = shared.supervisor.find(login).password_changed_at
    second = timedelta(seconds=1)  # to which it is kept, by time(2), which is a tick of the kernel behind
    assert start - 2 * second < changed < datetime.now(UTC) + second


def test_an_old_password_ends_with_the_new_one(shared):
    shared.account("wort.wechsel")
    shared.auth.set_password("wort.wechsel", GOOD, must_change=True)
    shared.auth.set_password("wort.wechsel", OTHER, must_change=False)
    assert shared.auth.check("wort.wechsel", GOOD) is Checked.WRONG
    assert shared.auth.check("wort.wechsel", OTHER) is Checked.GOOD


def test_an_empty_password_is_never_written(shared):
    shared.account("leer.wort")
    with pytest.raises(ValueError, match="empty"):
        shared.auth.set_password("leer.wort", Secret(""), must_change=False)


def test_a_password_that_must_be_changed(shared):
    shared.account("muss.aendern")
    shared.auth.set_password("muss.aendern", GOOD, must_change=True)
    assert shared.auth.check("muss.aendern", GOOD) is Checked.MUST_CHANGE
    assert shared.auth.check("muss.aendern", OTHER) is Checked.WRONG
    assert shared.supervisor.find("muss.aendern").must_change
    shared.auth.set_password("muss.aendern", OTHER, must_change=True)
    assert shared.auth.check("muss.aendern", OTHER) is Checked.MUST_CHANGE, "given again: still to be changed"
    shared.auth.set_password("muss.aendern", GOOD, must_change=False)
    assert shared.auth.check("muss.aendern", GOOD) is Checked.GOOD
    assert not shared.supervisor.find("muss.aendern").must_change


def test_a_disabled_account_lets_nobody_in_until_it_is_enabled(shared):
    shared.account("zu.gesperrt")
    shared.auth.set_password("zu.gesperrt", GOOD, must_change=False)
    shared.supervisor.set_disabled("zu.gesperrt", True)
    assert shared.supervisor.find("zu.gesperrt").disabled
    assert shared.auth.check("zu.gesperrt", GOOD) is Checked.WRONG
    shared.auth.set_password("zu.gesperrt", OTHER, must_change=False)
    assert shared.auth.check("zu.gesperrt", OTHER) is Checked.WRONG, "a new password does not open it"
    shared.supervisor.set_disabled("zu.gesperrt", False)
    assert shared.auth.check("zu.gesperrt", OTHER) is Checked.GOOD
    with pytest.raises(NotFound):
        shared.supervisor.set_disabled("niemand.da", True)


def test_log_on_at_pcs_is_closed_alone(shared):
    shared.account("pc.zu")
    shared.auth.set_password("pc.zu", GOOD, must_change=False)
    before = shared.supervisor.find("pc.zu")
    for allowed in (False, False, True, True):
        shared.supervisor.set_log_on("pc.zu", allowed)
        assert shared.supervisor.find("pc.zu") == replace(before, log_on=allowed or not shared.keeps_log_on)
        assert shared.auth.check("pc.zu", GOOD) is Checked.GOOD, "the password stays good for everything else"
        assert shared.auth.check("pc.zu", OTHER) is Checked.WRONG
    shared.supervisor.set_log_on("pc.zu", False)
    shared.supervisor.set_disabled("pc.zu", True)
    shared.supervisor.set_disabled("pc.zu", False)
    assert shared.supervisor.find("pc.zu").log_on is not shared.keeps_log_on, "each is opened by itself"
    shared.auth.set_password("pc.zu", OTHER, must_change=True)
    assert shared.auth.check("pc.zu", OTHER) is Checked.MUST_CHANGE
    with pytest.raises(NotFound):
        shared.supervisor.set_log_on("niemand.da", False)


def test_the_supervisor_writes_no_passwords(shared):
    shared.account("fremdes.wort")
    with pytest.raises(DirectoryRefused):
        shared.supervisor.set_password("fremdes.wort", GOOD, must_change=False)
    assert shared.auth.check("fremdes.wort", GOOD) is Checked.WRONG


def test_auth_writes_nothing_but_passwords(shared):
    shared.account("fremder.name")
    with pytest.raises(DirectoryRefused):
        shared.auth.update_account("fremder.name", surname="Anders")
    with pytest.raises(DirectoryRefused):
        shared.auth.set_disabled("fremder.name", True)
    with pytest.raises(DirectoryRefused):
        shared.auth.remove_account("fremder.name")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s.account("neu.da"), id="account added"),
        pytest.param(lambda s: s.supervisor.update_account("da.schon", surname="Anders"), id="account changed"),
        pytest.param(lambda s: s.supervisor.set_disabled("da.schon", True), id="account disabled"),
        pytest.param(lambda s: s.auth.set_password("da.schon", GOOD, must_change=True), id="password set"),
        pytest.param(lambda s: s.group("neu"), id="group added"),
        pytest.param(lambda s: s.supervisor.add_members("da", ["da.schon"]), id="member added"),
        pytest.param(lambda s: s.supervisor.remove_account("da.schon"), id="account removed"),
        pytest.param(lambda s: s.supervisor.remove_group("da"), id="group removed"),
    ],
)
def test_every_change_is_seen_and_nothing_else(fragile, change):
    fragile.account("da.schon")
    fragile.group("da")
    cookie = fragile.supervisor.read().cookie
    assert not fragile.supervisor.changed(cookie)
    change(fragile)
    assert fragile.supervisor.changed(cookie)
    cookie = fragile.supervisor.read().cookie
    assert not fragile.supervisor.changed(cookie)


def test_signing_in_changes_nothing(fragile):
    fragile.account("da.schon")
    fragile.auth.set_password("da.schon", GOOD, must_change=False)
    cookie = fragile.supervisor.read().cookie
    for password in (GOOD, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER, OTHER, GOOD):
        fragile.auth.check("da.schon", password)
    assert not fragile.supervisor.changed(cookie)
    assert fragile.supervisor.read().cookie == cookie
    assert fragile.auth.check("da.schon", GOOD) is Checked.GOOD, "wrong passwords lock nobody out"


def test_many_threads_share_one_directory(shared):
    logins = [shared.account(f"faden.{number}") for number in range(6)]
    for number, login in enumerate(logins):
        shared.auth.set_password(login, Secret(f"Zwirn-{number}-blau!"), must_change=False)
    wrong = []

    def work(number):
        for _ in range(5):
            right = shared.auth.check(logins[number], Secret(f"Zwirn-{number}-blau!"))
            other = shared.auth.check(logins[number], Secret(f"Zwirn-{(number + 1) % 6}-blau!"))
            if (right, other) != (Checked.GOOD, Checked.WRONG) or shared.auth.find(logins[number]) is None:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
