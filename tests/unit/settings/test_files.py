"""The shipped files are those that the tables give, and every option is told in full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from appliance.daemon.options import REQUIRED, Option, options_of
from appliance.daemon.options_collections import ListOf, MappingOf
from appliance.daemon.options_reading import WRONG, Reading, Source
from appliance.daemon.options_table import Table, plain_node
from appliance.roster.columns import FIELDS
from appliance.settings.accounts import COLUMNS
from appliance.settings.files import FILES, default_files
from appliance.settings.load import load

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "etc" / "schoolserver"


def rows(options, path):
    for row in options:
        kind = row.kind
        inner = kind.item if isinstance(kind, ListOf) else kind.value if isinstance(kind, MappingOf) else kind
        yield f"{path}.{row.key}", row
        if isinstance(inner, Table):
            yield from rows(inner.options, f"{path}.{row.key}")


ROWS = [pair for name, section in FILES.items() for pair in rows(options_of(section), name)]


def read(row: Option, value: object):
    reading = Reading()
    node = plain_node(yaml.safe_dump(value, allow_unicode=True))
    return row.kind.read(node, Source("a.yaml", 1, row.key), reading), reading.problems


def test_the_shipped_files_are_those_of_the_tables():
    shipped = {path.name: path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.yaml")}
    assert shipped == default_files(), "run: /usr/bin/python3 -m appliance.settings --write etc/schoolserver"


def test_the_shipped_files_mean_the_defaults(tmp_path):
    shipped, default = load(SHIPPED), load(tmp_path)
    for name in set(FILES) - {"access"}:
        assert getattr(shipped, name) == getattr(default, name)
    assert shipped.access.limits == default.access.limits
    assert shipped.access.consents_required == default.access.consents_required
    assert [rule.text for rule in shipped.access.rules] == [rule.text for rule in default.access.rules]


@pytest.mark.parametrize(("path", "row"), ROWS, ids=[path for path, _ in ROWS])
def test_each_option_is_told_in_full(path, row):
    assert row.help[0].isupper()
    assert row.help.endswith(".")
    if isinstance(row.kind, Table):
        return
    assert row.example is not None
    value, problems = read(row, row.example)
    assert value is not WRONG, problems
    if row.default is not REQUIRED:
        assert read(row, row.default)[0] is not WRONG
        assert row.example != row.default
    if row.kind.name.startswith(("whole number", "number")) and not path.startswith(
        ("server.first_id", "directory.id")
    ):
        assert row.unit


def test_the_columns_are_those_of_the_roster():
    assert set(COLUMNS) == set(FIELDS) - {"password"}


def test_printing_and_writing(tmp_path):
    command = [sys.executable, "-m", "appliance.settings"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "# access.yaml\n" in printed
    subprocess.run([*command, "--write", tmp_path], cwd=ROOT, check=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == default_files()
    refused = subprocess.run(
        [*command, "--write", tmp_path / "nowhere"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
