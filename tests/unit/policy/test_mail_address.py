"""An address is read in one way only or not at all."""

import pytest

from appliance.policy.mail_address import is_outside, split


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("Fred@Schule.Example", ("fred", "schule.example")),
        ("fred@schule.example.", ("fred", "schule.example")),
        ("o'hara+x@a-b.example", ("o'hara+x", "a-b.example")),
        ("fr\u0435d@schule.example", None),
        ("fred\u212a@schule.example", None),
        ('"fred"@schule.example', None),
        ("fred@schule.example@x", None),
        ("fred", None),
        ("@schule.example", None),
        ("fred@", None),
        ("a b@x", None),
        ("fred@schule.example\n", None),
    ],
)
def test_split(address: str, parts: tuple[str, str] | None) -> None:
    assert split(address) == parts


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("anna@town.example", True),
        ("Anna.Lehmann@mail.town.example", True),
        ("anna@localhost", False),
        ("anna@1.2.3.4", False),
        ("anna@[1.2.3.4]", False),
        ("anna@-town.example", False),
        ("anna@town..example", False),
        ("anna..b@town.example", False),
        (".anna@town.example", False),
        ("\u00e4@town.example", False),
    ],
)
def test_outside(address: str, fits: bool) -> None:
    assert is_outside(address) is fits
