import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.account import Consent, GroupKind, Role
from appliance.roster.parse import read
from appliance.roster.record import GroupRef, RosterError, Row
from appliance.settings.accounts import Profile

MANY = "Karl-Theodor Maria Nikolaus Johann Jacob Philipp Franz Joseph"
HEAD = "Import-ID;Vorname;Nachname;Klasse/Information\n"


def rows(text: str, encoding: str = "utf-8", **profile: str) -> tuple[Row, ...]:
    return read(text.encode(encoding), "roster.csv", Profile(None, profile)).rows


def complaint(content: bytes, **profile: str) -> str:
    with pytest.raises(RosterError) as error:
        read(content, "roster.csv", Profile(None, profile))
    return str(error.value)


def test_the_iserv_like_form() -> None:
    (row,) = rows(HEAD + "1;Fred;Mustermann;3a\n")
    groups = frozenset({GroupRef("klasse3a", GroupKind.CLASS, "3a")})
    assert row == Row(2, "1", "Fred", "Mustermann", Role.PUPIL, groups, role_named=False)


def test_the_other_form_with_quoted_courses_and_a_password_that_is_left_alone() -> None:
    (row,) = rows('id,nachname,vorname,klasse,kurse,passwort\n7,Weiß,Zoë,4b,"Reli, Ethik",geheim\n')
    assert {group.name for group in row.groups} == {"klasse4b", "kursreli", "kursethik"}
    assert "geheim" not in repr(row)


def test_teachers_are_known_by_their_short_codes() -> None:
    (row,) = rows("id,nachname,vorname,lehrerkuerzel,kurse\n1,Lehmann,Erika,LEH,\n")
    assert row.role is Role.TEACHER
    assert {group.name for group in row.groups} == {"kollegium"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-15"])
def test_encodings_seen_in_the_field(encoding: str) -> None:
    (row,) = rows(HEAD + "1;Jürgen;Groß;3a\n", encoding)
    assert (row.given_name, row.surname) == ("Jürgen", "Groß")


def test_windows_quotes_tell_windows_1252_from_iso_8859_15() -> None:
    assert rows(HEAD + "1;Jörg;O’Brien;3a\n", "windows-1252")[0].surname == "O’Brien"


def test_consents_dates_and_roles() -> None:
    text = (
        "ID;Vorname;Nachname;Rolle;Geburtsdatum;Einwilligungen\n1;A;B;Lehrerin;31.12.1980;konto, Protokoll\n2;C;D;;;\n"
    )
    teacher, pupil = rows(text)
    assert teacher.role is Role.TEACHER and str(teacher.birth_date) == "1980-12-31"
    assert teacher.consents == {Consent.ACCOUNT, Consent.LOGS}
    assert pupil.role is Role.PUPIL and pupil.consents == frozenset()
    assert rows(HEAD + "1;A;B;3a\n")[0].consents is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (MANY, MANY),
        (f"{MANY} Sylvester", MANY),
        ("a" * 64 + " b", "a" * 64),
        ("Жанна" * 14, ("Жанна" * 14)[:64]),
    ],
)
def test_names_are_kept_as_far_as_a_directory_keeps_them(written: str, kept: str) -> None:
    (row,) = rows(HEAD + f"1;{written};Lang;3a\n")
    assert (row.given_name, row.surname) == (kept, "Lang")


def test_a_profile_names_the_columns() -> None:
    (row,) = rows("nr;rufname;fam\n5;Ida;Kurz\n", source_id="NR", surname="fam")
    assert (row.source_id, row.given_name, row.surname) == ("5", "Ida", "Kurz")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        (HEAD, ["nobody below"]),
        ("Vorname;Nachname\nA;B\n", ["line 1", "source_id", "Import-ID"]),
        ("Import-ID;Vorname;Nachnahme\n1;A;B\n", ["surname", "did you mean «Nachnahme»"]),
        ("ID;Import-ID;Vorname;Nachname\n1;1;A;B\n", ["mean the same"]),
        ("ID;ID;Vorname;Nachname\n1;1;A;B\n", ["twice"]),
        (HEAD + "1;A;B;3a\n1;C;D;3a\n", ["line 3", "Import-ID", "«1»", "line 2 already"]),
        (HEAD + ";A;B;3a\n", ["line 2", "Import-ID", "empty"]),
        (HEAD + "1;A;B;3a;x\n", ["5 cells under 4 headers"]),
        (HEAD + "1;A;B;3a\n2;Sab", ["line 3", "2 cells under 4 headers", "complete"]),
        (HEAD + '1;"A;B;3a\n', ["quote"]),
        (HEAD + "1;🙂;B;3a\n", ["line 2", "Latin letters"]),
        ("ID;Vorname;Nachname;Rolle\n1;A;B;Hund\n", ["line 2", "Rolle", "«Hund»", "teacher"]),
        ("ID;Vorname;Nachname;Geburtsdatum\n1;A;B;31.2.2015\n", ["«31.2.2015»", "31.12.2015"]),
        ("ID;Vorname;Nachname;Einwilligungen\n1;A;B;alles\n", ["«alles»", "konto"]),
        ("ID;Vorname;Nachname;Account\n1;A;B;../root\n", ["«../root»", "no login"]),
        ("ID;Vorname;Nachname;Account\n1;A;B;x\n2;C;D;x\n", ["line 3", "Account", "«x»"]),
    ],
)
def test_a_bad_file_is_refused_with_where_and_what_to_do(text: str, words: list[str]) -> None:
    said = complaint(text.encode())
    assert "roster.csv" in said
    for word in words:
        assert word in said


def test_all_problems_are_told_at_once() -> None:
    assert complaint((HEAD + ";A;B;3a\n2;;B;3a\n3;A;;3a\n").encode()).count("\n") == 2


def test_an_unknown_encoding_is_told_apart_from_a_bad_line() -> None:
    assert "encoding is not known" in complaint(b"PK\x03\x04\x14\x00\x00")


def test_a_profile_column_that_is_absent() -> None:
    assert "no column for source_id (for example «Nummer»)" in complaint(
        b"ID;Vorname;Nachname\n1;A;B\n", source_id="Nummer"
    )


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_problems(content: bytes) -> None:
    for head in (b"", HEAD.encode()):
        try:
            assert read(head + content, "roster.csv", Profile(None, {})).rows
        except RosterError as error:
            assert error.problems
