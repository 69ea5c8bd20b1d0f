"""Types that count: integers, numbers, sizes in bytes, durations in seconds, rates; the last three name their unit."""

from __future__ import annotations

import re
from decimal import Decimal

from appliance.daemon.options_values import Scalar

_SIZES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
    "TB": 10**12,
    "TiB": 2**40,
}
_DURATIONS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "day": Decimal(86400),
    "days": Decimal(86400),
    "week": Decimal(604800),
    "weeks": Decimal(604800),
}
_RATES = {"kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
_QUANTITY = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,6})?) ?([A-Za-z]+(?:/s)?)", re.ASCII)


def integer(smallest: int, largest: int) -> Scalar[int]:
    """Give the type of whole numbers within bounds, written in decimal digits."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value, re.ASCII):
            raise ValueError
        return int(_within(Decimal(value), smallest, largest))

    bounds = f"from {smallest} to {largest}"
    return Scalar(f"whole number {bounds}", f"a whole number {bounds}", parse, frozenset({"int"}))


def number(smallest: float, largest: float) -> Scalar[float]:
    """Give the type of numbers within bounds, such as ``0.1``."""

    def parse(value: str) -> float:
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", value, re.ASCII):
            raise ValueError
        return float(_within(Decimal(value), smallest, largest))

    bounds = f"from {smallest:g} to {largest:g}"
    return Scalar(f"number {bounds}", f"a number {bounds}", parse, frozenset({"int", "float"}))


def size(smallest: int = 0, largest: int = 2**60) -> Scalar[int]:
    """Give the type of sizes in bytes, written ``20 MB`` (20,000,000) or ``20 MiB`` (20,971,520)."""

    def parse(value: str) -> int:
        amount, unit = _quantity(value)
        if unit not in _SIZES:
            raise ValueError(_other_case(value, amount, unit, _SIZES))
        exact = amount * _SIZES[unit]
        if exact != int(exact):
            raise ValueError
        return int(_within(exact, smallest, largest))

    bounds = f" from {format_size(smallest)} to {format_size(largest)}" if smallest or largest < 2**60 else ""
    return Scalar("size", f"a size{bounds} with its unit, such as 20 MB or 20 MiB", parse)


def duration(smallest: float = 0, largest: float = 10 * 365 * 86400) -> Scalar[float]:
    """Give the type of durations in seconds, written ``250 ms``, ``10 s``, ``5 min``, ``2 h``, ``14 days``."""

    def parse(value: str) -> float:
        amount, unit = _quantity(value)
        if unit not in _DURATIONS:
            raise ValueError(_other_case(value, amount, unit, _DURATIONS))
        return float(_within(amount * _DURATIONS[unit], smallest, largest))

    bounds = f" from {format_duration(smallest)} to {format_duration(largest)}"
    return Scalar("duration", f"a duration{bounds} with its unit (ms, s, min, h, days, weeks)", parse)


def rate(smallest: int, largest: int) -> Scalar[int]:
    """Give the type of rates in bits per second, written ``100 Mbit/s``."""

    def parse(value: str) -> int:
        amount, unit = _quantity(value)
        if unit not in _RATES:
            raise ValueError(_other_case(value, amount, unit, _RATES))
        return int(_within(amount * _RATES[unit], smallest, largest))

    bounds = f" from {_format_rate(smallest)} to {_format_rate(largest)}"
    return Scalar("rate", f"a rate{bounds} with its unit (kbit/s, Mbit/s, Gbit/s)", parse)


def format_size(count: int) -> str:
    """Write a size so that reading it gives the same number, in the unit that makes it shortest: ``20 MB``."""
    texts = [f"{count // factor} {unit}" for unit, factor in _SIZES.items() if unit != "KB" and count % factor == 0]
    return min(texts, key=len) if count else "0 B"


def format_duration(seconds: float) -> str:
    """Write a duration, exact to the millisecond, so that reading it gives the same: ``1500 ms``, ``14 days``."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0 s"
    units = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "days": 86_400_000}
    unit, factor = [row for row in units.items() if milliseconds % row[1] == 0][-1]
    count = milliseconds // factor
    return f"{count} {'day' if unit == 'days' and count == 1 else unit}"


def _format_rate(bits: int) -> str:
    texts = [f"{bits // factor} {unit}" for unit, factor in _RATES.items() if bits % factor == 0]
    return min(texts, key=len)


def _quantity(value: str) -> tuple[Decimal, str]:
    found = _QUANTITY.fullmatch(value)
    if not found:
        raise ValueError
    return Decimal(found[1]), found[2]


def _within(value: Decimal, smallest: float, largest: float) -> Decimal:
    if not smallest <= value <= largest:
        raise ValueError
    return value


def _other_case(value: str, amount: Decimal, unit: str, units: dict[str, int] | dict[str, Decimal]) -> str:
    """``20 mb``: say that ``20 MB`` may have been meant; an unknown unit has no neighbour."""
    near = [known for known in units if known.casefold() == unit.casefold()]
    return f"{amount} {near[-1]}" if near and value else ""
