"""``auth.yaml``: how patient the password check is with wrong passwords."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.options import option
from appliance.daemon.options_numbers import duration, integer, number

_UNIT = "wrong passwords within the window"


@dataclass(frozen=True, slots=True)
class Auth:
    """Throttle over all services together; durations in seconds, bars in wrong passwords that cost nothing."""

    pair_bar: int = option(
        integer(1, 1000),
        5,
        "Wrong passwords for one account from one address that cost nothing; then each adds a longer wait.",
        unit=_UNIT,
        example=3,
    )
    address_bar: int = option(
        integer(1, 100_000),
        50,
        "The same for one address, whatever the account; who signed in from it before need not wait. "
        "Raise it if many people share one address.",
        unit=_UNIT,
        example=300,
    )
    account_bar: int = option(
        integer(20, 100_000),
        200,
        "The same for one account, whatever the address. High, so that no pupil can lock out his teacher.",
        unit=_UNIT,
        example=500,
    )
    window: float = option(
        duration(1, 7 * 86400), "15 min", "Within this time as many wrong passwords are forgotten.", example="1 h"
    )
    first_delay: float = option(
        duration(0, 60), "1 s", "Wait after the first wrong password above a bar.", example="2 s"
    )
    factor: float = option(number(1, 10), 2, "By how much the wait grows each time.", unit="times", example=1.5)
    max_delay: float = option(duration(0, 3600), "5 min", "The wait never grows beyond this.", example="2 min")
    remember: float = option(
        duration(0, 3600),
        "5 min",
        "For so long a right password is not hashed again at each service: the directory is only asked whether the "
        "account is unchanged, so a changed password, and whatever else is changed of the account, counts at once. "
        "0 s: hash each time. An existing OpenLDAP (kind ldap) always does.",
        example="1 min",
    )
    threads: int = option(integer(1, 64), 4, "Passwords that are checked at the same time.", unit="threads", example=8)
