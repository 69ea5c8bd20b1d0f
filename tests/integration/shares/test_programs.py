"""The programs of Linux and Macs: what they do to names, modes and additional data, and what others see of it."""

import json
import os
import stat
import subprocess
import unicodedata
from pathlib import Path

import pytest

from tests.integration.shares.conftest import PASSWORD
from tests.integration.support_domain import possible

pytestmark = possible
PROGRAM = Path(__file__).with_name("file_manager.py")
UMLAUTS = "Übung für Ärger & Co (größer).txt"
RESOURCE = 200_000  # bytes, more than an attribute of a file holds


@pytest.fixture
def manager(drives):
    """Gives what the file manager of somebody answers to actions in one session."""

    def run(login, *actions):
        argv = ["/usr/bin/python3", str(PROGRAM), login, PASSWORD]
        lines = "".join(f"{json.dumps(one)}\n" for one in actions)
        done = subprocess.run(
            drives.domain.network.argv(argv), input=lines, capture_output=True, text=True, timeout=60, check=False
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(actions), done.stderr
        return answers

    return run


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_manager_finds_the_shares_and_works_in_a_home(drives, manager):
    path, other = f"Home/Mathe/{UMLAUTS}", "Home/Mathe/zwei.txt"
    shares, *answers = manager(
        "fred.muster",
        ["list", ""],
        ["folder", "Home/Mathe"],
        ["put", path, "eins"],
        ["get", path],
        ["list", "Home/Mathe"],
        ["rename", path, other],
        ["list", "Home/Mathe"],
    )
    assert {"Home", "Groups"} <= set(shares)
    assert answers == [True, True, "eins", [UMLAUTS], True, ["zwei.txt"]]
    folder = drives.home("fred.muster") / "Mathe"
    assert (mode(folder), mode(folder / "zwei.txt")) == (0o700, 0o600)
    assert manager(
        "fred.muster", ["remove", other], ["remove-folder", "Home/Mathe"], ["list", "Home"]
    ) == [True, True, []]  # fmt: skip


def test_an_editor_saves_by_renaming(drives, manager):
    """Gedit, Kate and LibreOffice write beside the file and put the new one in its place."""
    draft, file = "Groups/class3a/.goutputstream-X1Y2Z3", "Groups/class3a/Plan.txt"
    assert manager("fred.muster", ["put", file, "alt"], ["put", draft, "neu"], ["rename", draft, file]) == [True] * 3
    assert manager("ida.muster", ["get", file], ["list", "Groups/class3a"]) == ["neu", ["Plan.txt"]]
    found = (drives.group("class3a") / "Plan.txt").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, 20100)


def test_nobody_marks_a_file_as_a_program(drives, manager):
    """K32: the tick "may be executed" changes nothing."""
    path = "Home/spiel.sh"
    manager("fred.muster", ["put", path, "#!/bin/sh"], ["mode", path, 0o777], ["mode", path, 0o755])
    assert mode(drives.home("fred.muster") / "spiel.sh") == 0o600
    path = "Groups/class3a/spiel.sh"
    manager("fred.muster", ["put", path, "#!/bin/sh"], ["mode", path, 0o777])
    assert mode(drives.group("class3a") / "spiel.sh") == 0o660


def test_what_is_anothers_is_refused_not_shown(drives, manager):
    listed, read, made = manager(
        "otto.andere", ["list", "Groups"], ["list", "Groups/class3a"], ["put", "Groups/class3a/x", "?"]
    )
    assert listed == ["class3b"]
    assert read["error"] == made["error"] == "PermissionError"
    assert not list(drives.group("class3a").iterdir())


def test_names_of_a_mac_and_of_others_are_the_same_for_umlauts(drives, manager):
    """macOS sends composed names (NFC), and so do Windows and Linux: one file, whoever wrote it."""
    (drives.home("fred.muster") / "Größe.txt").write_text("by FTP")
    os.chown(drives.home("fred.muster") / "Größe.txt", drives.uids["fred.muster"], -1)
    assert manager("fred.muster", ["put", "Home/Größe.txt", "again"], ["list", "Home"]) == [True, ["Größe.txt"]]
    assert os.listdir(drives.home("fred.muster")) == ["Größe.txt"]


def test_a_decomposed_name_is_another_name_and_loses_nothing(drives, manager):
    """An archive of a Mac may bring such names (NFD): each opens as it is called, neither hides the other."""
    composed, decomposed = (unicodedata.normalize(form, "Größe.txt") for form in ("NFC", "NFD"))
    answers = manager(
        "fred.muster",
        ["put", f"Home/{composed}", "one"],
        ["put", f"Home/{decomposed}", "two"],
        ["get", f"Home/{composed}"],
        ["get", f"Home/{decomposed}"],
        ["list", "Home"],
    )
    assert answers == [True, True, "one", "two", sorted([composed, decomposed])]


def test_what_windows_forbids_in_names_a_mac_may_use(drives, text):
    """A Mac sends such a sign from a private range; on the disk and over FTP it is the sign itself."""
    drives.do("fred.muster", "Home", f'put {text} "Warum\uf025 3\uf022 2.txt"')
    assert os.listdir(drives.home("fred.muster")) == ["Warum? 3: 2.txt"]
    assert "seen" in drives.do("fred.muster", "Home", 'get "Warum\uf025 3\uf022 2.txt" -')


def test_a_resource_fork_stays_with_its_file(drives, tmp_path, text):
    """Of any size; in listings it is no file of its own, and it is renamed and deleted with its file."""
    fork, home = tmp_path / "fork", drives.home("fred.muster")
    fork.write_bytes(os.urandom(RESOURCE))
    drives.do("fred.muster", "Home", [f"put {text} a.txt", f"put {fork} a.txt:AFP_Resource"])
    assert "._" not in drives.do("fred.muster", "Home", "ls")
    back = tmp_path / "back"
    drives.do("fred.muster", "Home", ["rename a.txt b.txt", f"get b.txt:AFP_Resource {back}"])
    assert back.read_bytes() == fork.read_bytes()
    for path in home.iterdir():
        assert (mode(path), path.stat().st_uid) == (0o600, drives.uids["fred.muster"]), path.name
    drives.do("fred.muster", "Home", "del b.txt")
    assert os.listdir(home) == []


def test_what_the_finder_keeps_of_a_file_is_no_file(drives, tmp_path, text):
    """Its colours and type ([Apple] AFP_AfpInfo, 60 bytes), as an attribute."""
    info = tmp_path / "info"
    info.write_bytes(b"AFP\0" + (0x100).to_bytes(4, "big") + bytes(8) + b"TEXTttxt" + bytes(36))
    drives.do("fred.muster", "Home", [f"put {text} a.txt", f"put {info} a.txt:AFP_AfpInfo"])
    back = tmp_path / "back"
    drives.do("fred.muster", "Home", f"get a.txt:AFP_AfpInfo {back}")
    assert back.read_bytes()[16:24] == b"TEXTttxt"
    assert os.listdir(drives.home("fred.muster")) == ["a.txt"]
    assert (drives.home("fred.muster") / "a.txt").read_text() == "seen"


def test_a_finder_that_may_not_leave_its_notes_goes_on(drives, text):
    """Above the group folders nobody writes; within them its notes are one file for all members."""
    said = drives.do("fred.muster", "Groups", [f"put {text} .DS_Store", f"put {text} class3a/.DS_Store", "ls"])
    assert "NT_STATUS_ACCESS_DENIED" in said
    assert "class3a" in said
    drives.do("ida.muster", "Groups", f"put {text} class3a/.DS_Store")
    assert mode(drives.group("class3a") / ".DS_Store") == 0o660
    line = next(one for one in drives.do("ida.muster", "Groups", "ls class3a/*").splitlines() if ".DS_Store" in one)
    assert "H" in line.split()[1]
