"""Which rsync is run: our own words, whatever was asked."""

import ast
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import appliance.backup_server
from appliance.backup_server.transfer import server_argv

FORBIDDEN = (
    "--inplace",
    "--append",
    "--delete",
    "--link-dest",
    "--copy-dest",
    "--rsync-path",
    "--daemon",
    "--log-file",
)


def test_the_package_needs_nothing_but_python():
    for path in Path(appliance.backup_server.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        strange = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
        assert all(name.startswith("appliance.backup_server") for name in strange), path


@given(st.lists(st.sampled_from([*FORBIDDEN, "--sender", ".", "/etc", "-vlHogDtpAXrRe.iLsfxCIvu", "--files-from=/x"])))
def test_no_word_of_the_client_gets_through(words):
    argv = server_argv(["rsync", "--server", "-l", *words, ".", "incoming/homes/"])
    assert argv == server_argv(["rsync", "--server", "-l", ".", "incoming/homes/"])
    assert not any(word.startswith(FORBIDDEN) for word in argv)
    assert argv[-2:] == (".", "incoming/homes/")


@pytest.mark.parametrize(
    "asked",
    [
        "rsync",
        "rsync --server",
        "rsync --server -l .",
        "rsync --daemon . incoming/homes/",
        "/tmp/rsync --server -l . incoming/homes/",
        "rsync --server -l . incoming/",
        "rsync --server -l . incoming/homes/../../..",
        "rsync --server -l . incoming/homes/fred",
        "rsync --server -l . incoming/etc/",
        "rsync --server -l . /srv/copies/goethe/incoming/homes/",
        "rsync --server -l . snapshots/2026-01-01T000000/homes/",
        "rsync --server -l . incoming/homes/ 'incoming/homes/\n'",
        "rsync --server --sender -l . incoming/homes/",
        "rsync --server --sender -l . snapshots/2026-01-01T000000/",
        "rsync --server --sender -l . snapshots/../homes/",
        "rsync --server --sender -l . snapshots/.new/homes/",
        "rsync --server --sender -l . dumps/",
        "rsync --server --sender -l . ../schiller/snapshots/2026-01-01T000000/homes/",
    ],
)
def test_another_folder_is_refused(asked):
    assert server_argv(shlex.split(asked)) is None


def test_reading_names_its_files_on_the_line():
    argv = server_argv(shlex.split("rsync --server --sender -l --files-from=/x . snapshots/2026-01-01T000000/mail/"))
    assert argv[2] == "--sender"
    assert "--files-from=-" in argv
    assert "--files-from=/x" not in argv
