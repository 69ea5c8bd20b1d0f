"""Tables: unknown keys, needed keys, defaults, sources; and the commented file that is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from appliance.daemon.options import REQUIRED, option
from appliance.daemon.options_collections import ListOf, MappingOf, Maybe, WordOr
from appliance.daemon.options_numbers import integer, size
from appliance.daemon.options_reading import WRONG, Problem, Reading, SettingsError, Source
from appliance.daemon.options_render import render
from appliance.daemon.options_table import table
from appliance.daemon.options_values import choice, text
from appliance.daemon.options_yaml import compose


@dataclass(frozen=True, slots=True)
class Port:
    number: int = option(integer(1, 99), REQUIRED, "Its number.", example=25)
    name: str = option(text(), "plain", "Its name.")


@dataclass(frozen=True, slots=True)
class Inner:
    depth: int = option(integer(0, 9), 3, "How deep.", example=4)
    height: int = option(integer(0, 9), 2, "How high.", example=4)


@dataclass(frozen=True, slots=True)
class Section:
    limit: int = option(size(), "20 MB", "The limit.", example="30 MiB")
    colours: tuple[str, ...] = option(ListOf(choice(("red", "blue"))), ["red"], "Colours.", example=["blue"])
    ports: tuple[Port, ...] = option(ListOf(table(Port), repeats=True), [], "Ports.", example=[{"number": 7}])
    rooms: Mapping[str, tuple[int, ...]] = option(
        MappingOf(text("[a-z]+"), ListOf(integer(0, 9), fewest=1)), {}, "Rooms."
    )
    inner: Inner = option(table(Inner), {}, "Both.")
    opened: str | tuple[str, ...] = option(
        WordOr(choice(("all", "off")), ListOf(choice(("red", "blue")))), "all", "To whom.", example=["red"]
    )
    note: str | None = option(Maybe(text()), None, "A note.", unit="words", example="hello")


def read(written):
    reading = Reading()
    node = compose(written, "a.yaml", reading)
    return table(Section).read(node, Source("a.yaml", 1, ""), reading), reading


def messages(written):
    value, reading = read(written)
    assert value is WRONG
    return [str(problem) for problem in reading.problems]


def test_defaults():
    value, reading = read("")
    assert value == Section(20_000_000, ("red",), (), {}, Inner(3, 2), "all", None)
    assert str(reading.sources["a.limit"]) == "a.yaml (default) limit"
    assert str(reading.sources["a.colours[0]"]) == "a.yaml (default) colours[0]"


def test_values_and_their_sources():
    value, reading = read("limit: 1 MB\nports:\n- number: 7\n- {number: 8, name: x}\nrooms:\n  a: [1]\nopened: [red]\n")
    assert value.ports == (Port(7, "plain"), Port(8, "x"))
    assert value.rooms == {"a": (1,)}
    assert value.opened == ("red",)
    assert str(reading.sources["a.ports[1]"]) == "a.yaml:4 ports[1]"
    assert str(reading.sources["a.ports[1].name"]) == "a.yaml:4 ports[1].name"
    assert str(reading.sources["a.ports[0].name"]) == "a.yaml (default) ports[0].name"
    assert str(reading.sources["a.rooms.a[0]"]) == "a.yaml:6 rooms.a[0]"


def test_the_message_names_everything():
    assert messages("limit: 1 MB\nlimt: 2 MB\n") == [
        "a.yaml:2: limt: found an unknown key; "
        "allowed: one of limit, colours, ports, rooms, inner, opened, note - did you mean limit?"
    ]


def test_all_problems_at_once():
    found = messages(
        "limit: much\nlimit: more\ncolours: [rde, blue, blue]\nports: [{name: a}, 3]\nrooms: {A: [1], b: [], c: [x]}\n"
        "inner: []\nopened: rde\nnote: yes\nwhat: 1\n"
    )
    assert len(found) == 13
    assert found[0].startswith("a.yaml:2: limit: found the key again")
    assert any("colours[2]: found 'blue' again" in line for line in found)
    assert any("ports[0].number: found nothing" in line for line in found)
    assert any("rooms.c[0]: found 'x'" in line for line in found)


def test_a_single_value_where_a_list_belongs():
    assert messages("colours: blue\n")[0].endswith("did you mean [blue]?")


@pytest.mark.parametrize("written", ["- a\n", "text\n", "12\n"])
def test_the_top_must_be_a_mapping(written):
    (only,) = messages(written)
    assert "allowed: a mapping with the keys limit, colours" in only


def test_odd_keys_stay_printable():
    for line in messages('"a\\nb": 1\n"\\e[31m": 2\n' + "k" * 300 + ": 3\n"):
        assert line.isprintable()
        assert len(line) < 300


def test_the_commented_file_reads_back_as_the_defaults():
    written = render(Section, "A section.")
    assert read(written)[0] == read("")[0]
    assert "# The limit.\n# Type: size. Default: 20 MB.\n# Example: limit: 30 MiB\nlimit: 20 MB\n" in written
    assert "# Type: text. Unit: words. Default: null.\n" in written
    assert "#   number (whole number from 1 to 99; needed): Its number. Example: 25\n" in written


def test_checks_see_values_and_skip_wrong_ones():
    def check(reading):
        reading.report(reading.sources["a.limit"], str(reading.value("a.limit")), "nothing")

    for written, found in (("", ["20000000"]), ("limit: x\n", ["'x'"])):
        _, reading = read(written)
        reading.run([check])
        assert [problem.found for problem in reading.problems] == found


def test_problems_are_bounded_and_the_error_has_a_line_each():
    _, reading = read("".join(f"key{number}: 1\n" for number in range(3000)))
    assert reading.full
    assert len(reading.problems) == 1000
    error = SettingsError([Problem("a.yaml", None, "", "x", "y"), Problem("b.yaml", 3, "k", "x", "y", "z")])
    assert str(error) == "a.yaml: found x; allowed: y\nb.yaml:3: k: found x; allowed: y - did you mean z?"
