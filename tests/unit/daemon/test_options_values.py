"""Each type of value: what it reads, what it refuses, and that writing and reading give the same."""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.daemon.options_network import ADDRESS, DOMAIN, NETWORK, Address
from appliance.daemon.options_numbers import duration, format_duration, format_size, integer, number, rate, size
from appliance.daemon.options_reading import WRONG, Reading, Source
from appliance.daemon.options_times import DATE, TIME_OF_DAY, WEEKDAYS, WINDOW, ZONE, Window
from appliance.daemon.options_values import BOOLEAN, PATH, choice, text

PLACE = Source("a.yaml", 1, "key")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def read(kind, written):
    reading = Reading()
    value = kind.read(yaml.compose(written, Loader=yaml.SafeLoader), PLACE, reading)
    assert (value is WRONG) == bool(reading.problems)
    return value


def problem(kind, written):
    reading = Reading()
    assert kind.read(yaml.compose(written, Loader=yaml.SafeLoader), PLACE, reading) is WRONG
    (only,) = reading.problems
    return only


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (size(), "20 MB", 20_000_000),
        (size(), "20 MiB", 20 * 2**20),
        (size(), "1.5 kB", 1500),
        (size(), "0 B", 0),
        (size(), "2TiB", 2 * 2**40),
        (duration(), "10 s", 10.0),
        (duration(), "250 ms", 0.25),
        (duration(), "5 min", 300.0),
        (duration(), "2 h", 7200.0),
        (duration(), "14 days", 14 * 86400.0),
        (duration(), "1 week", 7 * 86400.0),
        (rate(1000, 10**9), "100 Mbit/s", 100_000_000),
        (rate(1000, 10**9), "1.5Mbit/s", 1_500_000),
        (rate(1000, 10**9), "64 kbit/s", 64_000),
        (rate(1000, 10**9), "1 Gbit/s", 10**9),
        (integer(0, 10), "7", 7),
        (integer(-5, 10), "-5", -5),
        (number(0, 1), "0.1", 0.1),
        (number(0, 1), "1", 1.0),
        (BOOLEAN, "yes", True),
        (BOOLEAN, "off", False),
        (text(), "012", "012"),
        (text(), "2026-12-23", "2026-12-23"),
        (text(), "'no'", "no"),
        (choice(Colour), "red", Colour.RED),
        (choice(("off", "all")), "off", "off"),
        (PATH, "/srv/data", Path("/srv/data")),
        (TIME_OF_DAY, "07:30", time(7, 30)),
        (TIME_OF_DAY, "12:30", time(12, 30)),
        (WINDOW, "07:30-13:15", Window(time(7, 30), time(13, 15))),
        (WINDOW, "22:00 - 06:00", Window(time(22), time(6))),
        (WINDOW, "00:00-24:00", Window(time(0), time(0))),
        (DATE, "2026-12-23", date(2026, 12, 23)),
        (WEEKDAYS, "mon-fri", frozenset(range(5))),
        (WEEKDAYS, "Mon, wed, sat-sun", frozenset({0, 2, 5, 6})),
        (ADDRESS, "127.0.0.1:587", Address("127.0.0.1", 587)),
        (ADDRESS, "'[::1]:587'", Address("::1", 587)),
        (DOMAIN, "Schule.Example", "schule.example"),
    ],
)
def test_reads(kind, written, value):
    assert read(kind, written) == value


@pytest.mark.parametrize(
    ("kind", "written", "nearest"),
    [
        (size(), "20", ""),
        (size(), "20 mb", "20 MB"),
        (size(), "-1 MB", ""),
        (size(), "0.1 B", ""),
        (size(1), "0 B", ""),
        (size(), "20 Mb/s", ""),
        (duration(), "5", ""),
        (duration(), "5 minutes", ""),
        (duration(), "5 Min", "5 min"),
        (duration(1, 10), "11 s", ""),
        (duration(), "999999999999999 weeks", ""),
        (integer(0, 10), "11", ""),
        (integer(0, 10), "'7'", ""),
        (integer(0, 99), "010", ""),
        (integer(0, 9999), "12:30", ""),
        (integer(0, 10), "many", ""),
        (integer(0, 10), "9" * 5000, ""),
        (number(0, 1), "1.5", ""),
        (number(0, 1), ".nan", ""),
        (number(0, 1), ".inf", ""),
        (number(0, 1), "1e-3", ""),
        (BOOLEAN, "'yes'", ""),
        (BOOLEAN, "1", ""),
        (text(), "no", ""),
        (text(), "~", ""),
        (text(), "''", ""),
        (text(), "[a]", ""),
        (text(), "{a: b}", ""),
        (text(), r'"a\nb"', ""),
        (text(), r'"\ud800"', ""),
        (text(), "x" * 201, ""),
        (choice(Colour), "rde", "red"),
        (choice(Colour), "green", ""),
        (choice(Colour), "RED", "red"),
        (PATH, "srv/data", ""),
        (PATH, "/srv/../etc", ""),
        (TIME_OF_DAY, "24:00", ""),
        (TIME_OF_DAY, "7.30", ""),
        (WINDOW, "08:00", ""),
        (WINDOW, "08:00-08:00", ""),
        (WINDOW, "00:00-00:00", "00:00-24:00"),
        (WINDOW, "24:00-08:00", ""),
        (DATE, "2026-02-30", ""),
        (DATE, "23.12.2026", "2026-12-23"),
        (WEEKDAYS, "montag", ""),
        (WEEKDAYS, "fri-mon", ""),
        (WEEKDAYS, "mon-", ""),
        (ZONE, "Europe/Berln", "Europe/Berlin"),
        (ZONE, "Europe", ""),
        (ZONE, "../../etc/passwd", ""),
        (ADDRESS, "localhost:587", ""),
        (ADDRESS, "127.0.0.1", ""),
        (ADDRESS, "127.0.0.1:65536", ""),
        (ADDRESS, "127.0.0.1:0", ""),
        (ADDRESS, "127.0.0.256:587", ""),
        (ADDRESS, "'::1:587'", ""),
        (NETWORK, "10.1.12.7/24", "10.1.12.0/24"),
        (NETWORK, "10.1.12.0/33", ""),
        (NETWORK, "room", ""),
        (DOMAIN, "schule", ""),
        (DOMAIN, "a_b.example", ""),
        (DOMAIN, "-a.example", ""),
    ],
)
def test_refuses(kind, written, nearest):
    found = problem(kind, written)
    assert found.allowed == kind.allowed
    assert not nearest or found.nearest == nearest
    str(found).encode()


def test_networks_and_single_addresses():
    assert str(read(NETWORK, "10.1.12.0/24")) == "10.1.12.0/24"
    assert str(read(NETWORK, "10.1.21.7")) == "10.1.21.7/32"
    assert str(read(NETWORK, "'2001:db8::/32'")) == "2001:db8::/32"


def test_a_zone_knows_its_hours():
    assert read(ZONE, "Europe/Berlin").key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ("0.0.0.0:587", "127.0.0.1:587", True),
        ("[::]:587", "127.0.0.1:587", True),
        ("127.0.0.1:587", "127.0.0.1:587", True),
        ("127.0.0.1:587", "127.0.0.2:587", False),
        ("0.0.0.0:587", "0.0.0.0:588", False),
    ],
)
def test_listeners_collide(one, other, collide):
    first, second = read(ADDRESS, f"'{one}'"), read(ADDRESS, f"'{other}'")
    assert first.collides(second) is second.collides(first) is collide
    assert str(first) == one


@settings(max_examples=100)
@given(st.integers(0, 2**60))
def test_sizes_round_trip(count):
    assert read(size(), format_size(count)) == count


@settings(max_examples=100)
@given(st.integers(0, 10 * 365 * 86_400_000))
def test_durations_round_trip(milliseconds):
    seconds = milliseconds / 1000
    assert read(duration(), format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("value", "written"), [(20_000_000, "20 MB"), (20 * 2**20, "20 MiB"), (1001, "1001 B"), (0, "0 B")]
)
def test_sizes_are_written_shortly(value, written):
    assert format_size(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0, "0 s"), (1.5, "1500 ms"), (90, "90 s"), (86400, "1 day"), (172800, "2 days")]
)
def test_durations_are_written_shortly(value, written):
    assert format_duration(value) == written
