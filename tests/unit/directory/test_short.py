import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.directory.short import ACCOUNT, GROUP, short_name


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("fred.mustermann", "fred.mustermann"),
        ("a" * 20, "a" * 20),
        ("o'neil.k", "o'neil.k"),
        # what these are must never change: it is in directories, and on PCs as the name of a user
        ("maximilian.mustermann-schmidt", "maximilian.must-e4c5"),
        ("maximilian.mustermann-schmitt", "maximilian.must-3esb"),
        ("jana.mueller-luedenscheidt", "jana.mueller-lu-fg7a"),
        ("a*b", "ab-z249"),
        ("end.", "end-yxxm"),
        ("***", "-77xx"),
    ],
)
def test_the_short_name_of_an_account(name, short):
    assert short_name(name) == short


def test_groups_may_have_long_names():
    assert short_name("arbeitsgemeinschaft-schulgarten", GROUP) == "arbeitsgemeinschaft-schulgarten"
    assert short_name("klasse*3(a)", GROUP) == "klasse3(a)-5xcg"


def test_case_makes_no_difference():
    assert short_name("Maximilian.Mustermann-Schmidt").lower() == short_name("maximilian.mustermann-schmidt")


@given(st.text(min_size=1, max_size=70))
def test_it_is_one_that_ad_takes(name):
    short = short_name(name, ACCOUNT)
    assert 1 <= len(short) <= ACCOUNT
    assert not set('"/\\[]:;|=,+*?<>@\0') & set(short)
    assert not short.endswith(".")
    assert short_name(name, ACCOUNT) == short
