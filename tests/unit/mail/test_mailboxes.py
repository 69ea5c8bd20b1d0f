"""Who has so many folders that Dovecot 2.3 is to make no more for him, and in which words it is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.mail.imap.mailboxes import folders_in, forbidding, having_all
from tests.integration.demo.waiting import eventually


@pytest.fixture
def box(tmp_path):
    def make(login, folders):
        for name in ("cur", "new", "tmp", *(f".f{number}" for number in range(folders))):
            (tmp_path / login / name).mkdir(parents=True)

    return make


def test_the_inbox_is_one_of_them(tmp_path, box):
    box("fred.mustermann", 8)
    box("gina.musterfrau", 9)
    box("frida.lehrer", 10)
    assert having_all(tmp_path, 10) == {"gina.musterfrau", "frida.lehrer"}
    assert having_all(tmp_path, 12) == set()


def test_what_is_no_mailbox_is_nobodys(tmp_path, box):
    box(".spool", 20)
    box("A b", 20)
    box("x\n* anyone k", 20)
    box("gina.musterfrau", 20)
    (tmp_path / "linked").symlink_to(tmp_path / "gina.musterfrau")
    (tmp_path / "file").write_text("x")
    assert having_all(tmp_path, 10) == {"gina.musterfrau"}


def test_files_are_no_folders(tmp_path, box):
    box("fred.mustermann", 1)
    for number in range(20):
        (tmp_path / "fred.mustermann" / f".f{number}x").touch()
    assert having_all(tmp_path, 10) == set()


def test_where_the_file_system_counts_no_links(tmp_path, box):
    """On btrfs each folder has one."""
    box("gina.musterfrau", 9)
    (tmp_path / "gina.musterfrau" / "file").touch()
    path = tmp_path / "gina.musterfrau"
    assert folders_in(str(path), 1) == folders_in(str(path), path.stat().st_nlink) == 12


def test_the_words():
    assert forbidding(()).startswith(b"#") and forbidding(()).count(b"\n") == 1
    text = forbidding({"gina.musterfrau", "fred.mustermann"})
    assert text.splitlines()[1:] == [b"* -user=fred.mustermann k", b"* -user=gina.musterfrau k"]


_BESIDE = """
import os, sys
from dataclasses import replace
from pathlib import Path
from appliance.mail.imap.mailboxes import bound_mailboxes, watch_mailboxes
from tests.unit.mail.test_render import USERS
there = Path(sys.argv[1])
engine = replace(USERS, base=there, mail=there / "mail", uid=os.geteuid(), gid=os.getegid(), mailboxes_max=10)
bound_mailboxes(engine)
watch_mailboxes(engine)
os.execvp("cat", ["cat"])
"""


def test_it_looks_until_dovecot_has_ended(tmp_path, box):
    """Whatever we have become is Dovecot; only when it and who stands beside it have ended is the pipe closed."""
    (tmp_path / "mail").mkdir()
    argv = [sys.executable, "-c", _BESIDE, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    full = tmp_path / "bounds" / "full"
    with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dovecot:
        box("mail/gina.musterfrau", 9)
        eventually(lambda: full.exists() and b"gina" in full.read_bytes())
        assert (full.stat().st_mode & 0o777, full.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        (tmp_path / "mail/gina.musterfrau/.f8").rmdir()
        eventually(lambda: b"gina" not in full.read_bytes())
        assert dovecot.communicate(timeout=10) == (b"", None)
