from collections.abc import Sequence
from datetime import date

from appliance.policy.account import Consent, GroupKind, Role
from appliance.roster.plan import Plan, plan
from appliance.roster.record import GroupRef, Known, Roster, Row

A3, A4 = (GroupRef(f"klasse{name}", GroupKind.CLASS, name) for name in ("3a", "4a"))
BOTH = frozenset({Consent.ACCOUNT, Consent.LOGS})
KINDS = frozenset({GroupKind.CLASS, GroupKind.STAFF})
GROUPS = {"klasse3a": GroupKind.CLASS, "agchor": GroupKind.CLUB}
BORN = date(2016, 5, 4)


def row(source_id: str, given: str = "Fred", surname: str = "Mustermann", **more: object) -> Row:
    values = {"line": 2, "role": Role.PUPIL, "groups": frozenset({A3}), "consents": BOTH, **more}
    return Row(source_id=source_id, given_name=given, surname=surname, **values)


def known(login: str, source_id: str, given: str = "Fred", surname: str = "Mustermann", **more: object) -> Known:
    values = {"role": Role.PUPIL, "groups": ("klasse3a",), "consents": BOTH, "uid": 20001, "birth_date": None, **more}
    return Known(login=login, source_id=source_id, given_name=given, surname=surname, **values)


def planned(rows: list[Row], people: Sequence[Known] = (), **more: object) -> Plan:
    values = {"given": frozenset(), "taken": (), "gone_share": 0.1, "groups": GROUPS, **more}
    return plan(Roster(tuple(rows), KINDS), people, filename="roster.csv", **values)


def test_the_plain_login_goes_to_the_lower_id_whatever_the_order() -> None:
    for order in ([row("9"), row("10")], [row("10"), row("9")]):
        assert {new.login: new.row.source_id for new in planned(order).new} == {
            "fred.mustermann": "9",
            "fred.mustermann2": "10",
        }


def test_a_second_import_of_the_same_file_does_nothing() -> None:
    result = planned([row("1")], [known("fred.mustermann", "1")])
    assert result.empty and not result.problems


def test_a_login_once_given_is_never_given_again() -> None:
    assert planned([row("1")], taken={"fred.mustermann"}).new[0].login == "fred.mustermann2"


def test_without_consent_there_is_no_account() -> None:
    result = planned([row("1", consents=frozenset({Consent.LOGS})), row("2", "Ida", consents=None)])
    assert not result.new and {waiting.source_id for waiting in result.waiting} == {"1", "2"}
    assert planned([row("2", "Ida", consents=None)], given=BOTH).new


def test_changed_ids_are_matched_by_name_and_birth_date() -> None:
    result = planned([row("new-7", birth_date=BORN)], [known("fred.mustermann", "7", birth_date=BORN)])
    assert not result.new and not result.gone
    assert result.changed[0].what == {"source_id": ("7", "new-7")}


def test_two_people_of_one_name_and_birth_date_are_asked_about() -> None:
    people = [known("f.m", "7", birth_date=BORN), known("f.m2", "8", birth_date=BORN)]
    result = planned([row("9", birth_date=BORN)], people, allow_gone=True)
    assert "f.m, f.m2" in str(result.problems[0])


def test_two_rows_of_one_person_are_a_problem() -> None:
    result = planned([row("7"), row("9", birth_date=BORN)], [known("f.m", "7", birth_date=BORN)])
    assert "same person as line 2" in str(result.problems[0])


def test_moving_up_a_class() -> None:
    (move,) = planned([row("1", groups=frozenset({A4}))], [known("fred.mustermann", "1")]).moved
    assert (move.leaves, move.joins) == (("klasse3a",), (A4,))


def test_who_is_not_in_the_file_has_gone_but_only_among_the_roles_of_the_file() -> None:
    people = [known(f"pupil{number}", str(number)) for number in range(20)]
    teacher = known("erika.lehmann", "t1", role=Role.TEACHER)
    result = planned([row(str(number)) for number in range(19)], [*people, teacher])
    assert result.gone == ("pupil19",) and not result.problems


def test_many_gone_stop_the_import_until_it_is_confirmed() -> None:
    people = [known(f"pupil{number}", str(number)) for number in range(20)]
    rows = [row(str(number)) for number in range(15)]
    assert "5 of 20" in str(planned(rows, people).problems[0])
    allowed = planned(rows, people, allow_gone=True)
    assert len(allowed.gone) == 5 and not allowed.problems


def test_who_comes_back_is_seen() -> None:
    assert planned([row("1")], [known("fred.mustermann", "1", disabled=True)]).returned == ("fred.mustermann",)


def test_an_import_that_was_cut_goes_on_with_the_same_login() -> None:
    cut = known("fred.mustermann", "1", pending=True)
    (new,) = planned([row("1")], [cut]).new
    assert (new.login, new.resumed) == ("fred.mustermann", cut)


def test_a_wished_login_is_given_or_refused() -> None:
    assert planned([row("1", login="freddy")]).new[0].login == "freddy"
    assert "taken" in str(planned([row("1", login="freddy")], taken={"freddy"}).problems[0])


def test_a_file_without_a_club_column_leaves_the_clubs_alone() -> None:
    result = planned([row("1")], [known("fred.mustermann", "1", groups=("agchor", "klasse3a"))])
    assert result.empty


def test_nobody_gets_another_role_because_a_file_does_not_speak_of_roles() -> None:
    teacher = known("erika.lehmann", "9001", "Erika", "Lehmann", role=Role.TEACHER)
    result = planned([row("9001", "Ingo", "Teich", role_named=False)], [teacher])
    assert "erika.lehmann, a teacher, who would become a pupil" in str(result.problems[0])
    assert not planned([row("9001", "Ingo", "Teich")], [teacher]).problems


def test_who_would_go_is_named_before_it_is_allowed() -> None:
    people = [known(f"pupil{number}", str(number)) for number in range(4)]
    assert "pupil1, pupil2, pupil3" in str(planned([row("0")], people).problems[0])
