import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.roster.logins import UnusableName, group_name, make_login


@pytest.mark.parametrize(
    ("given_name", "surname", "login"),
    [
        ("Fred", "Mustermann", "fred.mustermann"),
        ("Jürgen", "Großmann", "juergen.grossmann"),
        ("Änne", "Öztürk", "aenne.oeztuerk"),
        ("Anna-Lena", "Müller-Lüdenscheidt", "anna-lena.mueller-luedenscheidt"),
        ("Max Emil", "von der Heide", "max.von-der-heide"),
        ("Siobhán", "O'Brien", "siobhan.obrien"),
        ("Chloé", "Yıldız", "chloe.yildiz"),
        ("Søren", "Łukasz", "soren.lukasz"),
        ("Иван", "Петров", "ivan.petrov"),
        ("  Ida ", " St. Clair ", "ida.st-clair"),
        ("-Ben-", "Voss-", "ben.voss"),
    ],
)
def test_names_of_real_schools(given_name: str, surname: str, login: str) -> None:
    assert make_login(given_name, surname, ()) == login


def test_a_taken_login_gets_the_next_free_number() -> None:
    assert make_login("Fred", "Mustermann", {"fred.mustermann"}) == "fred.mustermann2"
    assert make_login("Fred", "Mustermann", {"fred.mustermann", "fred.mustermann2"}) == "fred.mustermann3"


@pytest.mark.parametrize("name", ["", "''", "---", "🙂"])
def test_a_name_of_which_nothing_is_left_is_refused(name: str) -> None:
    with pytest.raises(UnusableName, match="no login"):
        make_login(name, "Mustermann", ())


@given(st.text(max_size=120), st.text(max_size=120), st.sets(st.sampled_from(["a.b", "a.b2", "x.y"])))
def test_a_login_is_always_a_valid_free_local_part(given_name: str, surname: str, taken: set[str]) -> None:
    try:
        login = make_login(given_name, surname, taken)
    except UnusableName:
        return
    assert login not in taken
    assert len(login) <= 64
    assert set(login) <= set(string.ascii_lowercase + string.digits + ".-")
    assert login == make_login(given_name, surname, taken)
    assert ".." not in login and not login.startswith((".", "-")) and not login.endswith((".", "-"))


@given(st.text(max_size=40), st.text(max_size=40), st.integers(1, 30))
def test_many_people_of_one_name_all_get_different_logins(given_name: str, surname: str, count: int) -> None:
    taken: set[str] = set()
    try:
        for _ in range(count):
            taken.add(make_login(given_name, surname, taken))
    except UnusableName:
        assert not taken
        return
    assert len(taken) == count


def test_group_names() -> None:
    assert group_name("klasse", "3a") == "klasse3a"
    assert group_name("klasse", "Klasse 3 A") == "klasse3a"
    assert group_name("ag", "AG Schach") == "agschach"
    with pytest.raises(UnusableName):
        group_name("klasse", "Klasse")
