"""A file is YAML we can use or a problem with its line; nothing else comes out."""

from __future__ import annotations

import os

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.daemon.options_reading import Reading, Source
from appliance.daemon.options_yaml import MAX_BYTES, MAX_DEPTH, compose, describe, entries, read_file


def problems(text):
    reading = Reading()
    assert compose(text, "a.yaml", reading) is None
    return reading.problems


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_is_an_empty_mapping(text, tmp_path):
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    node = read_file(tmp_path / "a.yaml", Reading())
    assert isinstance(node, (yaml.MappingNode, yaml.ScalarNode))
    if not text.startswith("---"):
        assert node.value == []


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab"),
        ("a: [1, 2\nb: 3\n", 2, ""),
        ("a: 1\nb: &x 2\n", 2, "anchor"),
        ("a: 1\nb: *x\n", 2, "anchor or alias"),
        ("a: !!python/object:os.system ls\n", 1, "tag"),
        ("a: 1\n---\nb: 2\n", 2, "document"),
        ("a: 'open\n", 2, "end of stream"),
        ("a: b: c\n", 1, "mapping"),
        ("a: 1\nb: \x07\n", 2, "U+0007"),
        ('a: "\\U99999999"\n', None, "too large"),
        ("[" * (MAX_DEPTH + 1), 1, "levels"),
        ("a: %b\n", 1, "%"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, line, part):
    first = problems(text)[0]
    assert first.line == line
    assert part in first.found


def test_every_anchor_is_named_before_anything_is_built():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    assert len(problems(bomb)) == 1 + 20 * 3


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [(b"a: 1\nb: \xe4\n", 2, "0xe4"), (b"# " + b"x" * MAX_BYTES, None, "256 KiB"), (b"\xff\xfea\0", 1, "0xff")],
)
def test_bytes_that_are_no_settings(content, line, part, tmp_path):
    (tmp_path / "a.yaml").write_bytes(content)
    reading = Reading()
    assert read_file(tmp_path / "a.yaml", reading) is None
    (only,) = reading.problems
    assert (only.file, only.line) == ("a.yaml", line)
    assert part in only.found


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/nowhere", path)])
def test_what_is_no_file_is_a_problem(make, tmp_path):
    make(tmp_path / "a.yaml")
    reading = Reading()
    assert read_file(tmp_path / "a.yaml", reading) is None
    assert "cannot be read" in reading.problems[0].found


def test_repeated_keys_and_keys_that_are_no_names():
    reading = Reading()
    node = compose("a: 1\nb: 2\na: 3\n? [x]\n: 4\n", "a.yaml", reading)
    found = [(key, line) for key, line, _ in entries(node, Source("a.yaml", 1, "top"), reading)]
    assert found == [("a", 1), ("b", 2)]
    assert [str(problem) for problem in reading.problems] == [
        "a.yaml:3: top.a: found the key again (first in line 1); allowed: each key once",
        "a.yaml:4: top: found a list as a key; allowed: a name",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "a list"),
        ("{a: 1}", "a mapping"),
        ("~", "nothing"),
        ("''", "nothing"),
        ("no", "'no' (yes or no)"),
        ("12", "'12' (a number)"),
        ("abc", "'abc'"),
        ("x" * 99, f"'{'x' * 57}...'"),
    ],
)
def test_a_node_in_words(text, words):
    assert describe(yaml.compose(text, Loader=yaml.SafeLoader)) == words


@settings(max_examples=100)
@given(st.text(st.sampled_from("ab: -[]{}\n\t'\"&*!%@`#|>?,.0123\\uUx~<="), max_size=80) | st.text(max_size=60))
def test_any_text_gives_a_node_or_problems(text):
    reading = Reading()
    node = compose(text, "a.yaml", reading)
    assert (node is None) == bool(reading.problems)
