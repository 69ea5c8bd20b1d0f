"""The rendered files beside the golden ones; that slapd takes them is for the integration tests."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.directory.slapd import render
from appliance.directory.slapd.embedded import Embedded
from appliance.directory.tree import Tree

GOLDEN = Path(__file__).parent / "golden"
SERVER = Embedded(
    tree=Tree("dc=schule,dc=example"),
    folder=Path("/var/lib/schoolserver/directory"),
    socket=Path("/run/schoolserver/directory/ldapi.sock"),
    passwords={},
    argon2_memory=19456,
    argon2_time=2,
)


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(render, "SCHEMA", Path("/usr/share/schoolserver/schoolserver.schema"))


def test_configuration():
    assert render.render_config(SERVER, SERVER.database) == GOLDEN.joinpath("slapd.conf").read_text()


def test_first_entries():
    assert render.render_tree(SERVER) == GOLDEN.joinpath("tree.ldif").read_text()


@pytest.mark.parametrize("top", ["o=Grundschule am Park", "ou=schule,o=stadt", "l=ort,c=de", "DC=schule,DC=example"])
def test_other_tops(top):
    ldif = render.render_tree(replace(SERVER, tree=Tree(top)))
    attribute, _, value = top.partition(",")[0].partition("=")
    assert ldif.startswith(f"dn: {top}\nobjectClass: ")
    assert f"\n{attribute}: {value}\n" in ldif


def test_nothing_in_a_path_ends_its_line_or_word():
    folder = Path('/srv/a "b" \\c')
    text = render.render_config(replace(SERVER, folder=folder), folder / "db")
    assert 'directory "/srv/a \\"b\\" \\\\c/db"' in text
