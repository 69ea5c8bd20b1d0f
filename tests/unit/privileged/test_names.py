"""Arguments of the privileged process: what is not plainly a login, an id or a text does not get in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.privileged import names


@pytest.mark.parametrize("good", ["fred.mustermann", "a", "x1", "anna-lena.gross", "m_l", "a" * 64])
def test_logins(good):
    assert names.login(good) == good


@pytest.mark.parametrize(
    "bad",
    [
        *("", ".", "..", "a/b", "/etc", "-f", ".hidden", "a..b", "a.", "A", "ü", "a b", "a\n", "\na", "a\0", "a" * 65),
        *("10.0.0.1", "7", "a*", "a?", "~root", "a:b", "a@b", "٣a"),
    ],
)
def test_what_is_no_login(bad):
    with pytest.raises(names.WrongArgument):
        names.login(bad)


@settings(max_examples=100)
@given(st.text(max_size=70))
def test_a_login_is_one_name_in_a_folder(text):
    try:
        good = names.login(text)
    except names.WrongArgument:
        return
    assert good not in (".", "..")
    assert not set(good) - set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert good[0] not in ".-"


@pytest.mark.parametrize("bad", [-1, 0, 999, 19999, 60000, 2**32])
def test_ids_outside_the_range(bad):
    with pytest.raises(names.WrongArgument):
        names.number(bad, names.Ids(20000, 59999))


@pytest.mark.parametrize("good", [20000, 59999])
def test_ids(good):
    assert names.number(good, names.Ids(20000, 59999)) == good


@pytest.mark.parametrize("bad", ["a\0b", "x" * 600_000])
def test_texts(bad):
    with pytest.raises(names.WrongArgument):
        names.text(bad)
    assert names.text("protocols = imap\n")
