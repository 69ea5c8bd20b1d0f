"""Whatever a client sends as an argument is split or refused, and nothing stumbles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.commands import sizes_are_numbers, split_path


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("<fred@x.example>", ("fred@x.example", "")),
        (" <fred@x.example>  SIZE=5 BODY=8BITMIME", ("fred@x.example", "SIZE=5 BODY=8BITMIME")),
        ("fred@x.example SIZE=5", ("fred@x.example", "SIZE=5")),
        ("<>", ("<>", "")),
        ("<Postmaster>", ("Postmaster", "")),
        ("<a b@x>", ("a b@x", "")),
        ("", None),
        ("<", None),
        ("<a@b", None),
        ("<a@b>SIZE=5", None),
        ("<a<b>@c>", None),
        (">", None),
    ],
)
def test_split_path(argument: str, expected: tuple[str, str] | None) -> None:
    assert split_path(argument) == expected


@pytest.mark.parametrize(
    ("argument", "readable"),
    [
        ("<a@b>", True),
        ("<a@b> SIZE=12345 BODY=8BITMIME", True),
        ("<a@b> size=0", True),
        ("<a@b> SIZE=\u00b2", False),
        ("<a@b> SIZE=\u0665", False),
        ("<a@b> \u017fize=5\u00b2", False),
        ("<a@b> SIZE=5 SIZE=\u00b2", False),
        ("<a@b> SIZE=\u00b2 SIZE=5", False),
        ("<a@b>\u2003SIZE=\u00b2", False),
        ("<a@b> SIZE=", False),
        ("<a@b> SIZE=-1", False),
        ("<a@b> SIZE=" + "9" * 21, False),
        ("<a@b> XSIZE=\u00b2", True),
    ],
)
def test_sizes_are_numbers(argument: str, readable: bool) -> None:
    assert sizes_are_numbers(argument) is readable


@given(
    st.text(alphabet=st.sampled_from('<>@ aS=\u017f\u00b2\u2003\x1c5\t"(),\udc80'), max_size=20), st.text(max_size=10)
)
def test_what_counts_as_a_size_is_a_number(junk: str, digits: str) -> None:
    argument = f"<a@b> SIZE={digits}{junk}"
    path = split_path(argument)
    if path is not None and sizes_are_numbers(argument):
        sizes = [option[5:] for option in path[1].upper().split() if option.startswith("SIZE=")]
        assert all(size.isascii() and int(size) >= 0 for size in sizes)
