"""New people, one-time passwords, own passwords: the import, and what becomes of what it hands out."""

import csv
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.demo.clients import Clients, closing, said_until_closed
from tests.integration.demo.running import ROOT, Account, RunningDemo

AT_ONCE = 2.0
ROSTER = ROOT / "etc" / "demo" / "roster.csv"
NEW = "2001;Zoë;Weiß-Ångström;Schüler;3a;;01.02.2017;konto,protokoll"
WAITING = "2002;Karl;Ohnekonto;Schüler;3a;;01.02.2017;"
CHOSEN = "Kranich-und-7-Zebras"


@dataclass(frozen=True)
class Imported:
    """The import of one new pupil: what the carer saw and got."""

    said: str
    passwords: Path
    pupil: Account


@pytest.fixture(scope="module")
def roster(demo: RunningDemo) -> Path:
    """The demo's roster of next week: one new pupil, one without consent, and Mia has moved to the other class."""
    lines = ROSTER.read_text(encoding="utf-8").splitlines()
    moved = [line.replace(";3a;", ";3b;") if line.startswith("1004;") else line for line in lines]
    path = demo.folder / "vertrauliche-liste.csv"
    path.write_text("\n".join([*moved, NEW, WAITING, ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def imported(roster: Path, demo: RunningDemo, clients: Clients) -> Iterator[Imported]:
    passwords = demo.folder / "passwords.csv"
    said = clients.done("users", "import", str(roster), "--passwords", str(passwords))
    with passwords.open(encoding="utf-8-sig", newline="") as source:
        (row,) = csv.DictReader(source, delimiter=";")
    yield Imported(said, passwords, Account(row["Login"], row["Einmalpasswort"], "pupil", ("klasse3a",)))
    clients.done("users", "import", str(ROSTER), "--allow-gone")


def test_a_dry_run_shows_the_plan_and_does_nothing(roster: Path, demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 9: new, moved, waiting; afterwards all is as it was."""
    before = clients.done("users", "list")
    ran = clients.run("users", "import", str(roster), "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "new      zoe.weiss-angstroem" in ran.stdout
    assert "moved    mia.vogel  -klasse3a +klasse3b" in ran.stdout
    assert "waiting  Karl Ohnekonto" in ran.stdout
    assert "Nothing was changed" in ran.stderr
    assert clients.done("users", "list") == before
    assert list(demo.folder.glob("*password*")) == []


def test_a_broken_roster_names_file_line_and_what_is_wrong(roster: Path, demo: RunningDemo, clients: Clients) -> None:
    """IMPORT-FORMATS.md: a duplicate ID is told with its lines, and nothing is done."""
    broken = demo.folder / "doppelt.csv"
    broken.write_text(roster.read_text(encoding="utf-8") + NEW.replace("Zoë", "Zara") + "\n", encoding="utf-8")
    before = clients.done("users", "list")
    ran = clients.run("users", "import", str(broken), "--passwords", str(demo.folder / "none.csv"))
    assert ran.returncode == 1
    assert "doppelt.csv" in ran.stderr
    assert "2001" in ran.stderr
    assert not (demo.folder / "none.csv").exists()
    assert clients.done("users", "list") == before


def test_one_time_passwords_are_in_a_file_of_the_callers_own(imported: Imported, clients: Clients) -> None:
    """K03: handed back sealed, written once, mode 0600, printed nowhere."""
    assert stat.S_IMODE(imported.passwords.stat().st_mode) == 0o600
    assert imported.pupil.login.startswith("zoe.weiss")
    assert imported.pupil.password not in imported.said
    assert "1 one-time passwords are in" in imported.said
    assert "must change password" in clients.done("users", "show", imported.pupil.login)


def test_the_same_import_again_changes_nothing(imported: Imported, roster: Path, demo: RunningDemo, clients: Clients):
    """Issue 2, item 9: and it leaves no empty file of passwords behind."""
    assert imported.said
    said = clients.done("users", "import", str(roster), "--passwords", str(demo.folder / "again.csv"))
    assert "new " not in said
    assert not (demo.folder / "again.csv").exists()


def test_an_existing_file_of_passwords_is_never_overwritten(imported: Imported, roster: Path, clients: Clients) -> None:
    """It may be the only copy of what was handed out last time."""
    before = imported.passwords.read_bytes()
    ran = clients.run("users", "import", str(roster), "--passwords", str(imported.passwords))
    assert ran.returncode == 1
    assert imported.passwords.read_bytes() == before


def test_from_one_time_to_own_password(imported: Imported, clients: Clients) -> None:
    """K02, K03: nothing opens before; a weak one is refused with the reasons; then everything opens, at once."""
    pupil = imported.pupil
    code, text = clients.smtp_answer(pupil)
    assert (code, text[:6]) == (535, "5.7.12")
    assert "EXPIRED" in clients.imap_answer(pupil)

    weak = clients.run("passwd", pupil.login, "--stdin", stdin=f"{pupil.password}\nzoe2017\n")
    assert weak.returncode == 1
    for reason in ("at least 8 characters", "capital letter", "special character", "name of its owner"):
        assert reason in weak.stderr
    assert clients.smtp_answer(pupil, "zoe2017")[0] == 535

    wrong = clients.run("passwd", pupil.login, "--stdin", stdin=f"not-the-one\n{CHOSEN}\n")
    assert wrong.returncode == 1
    assert "old password" in wrong.stderr

    changed = clients.done("passwd", pupil.login, "--stdin", stdin=f"{pupil.password}\n{CHOSEN}\n")
    assert CHOSEN not in changed
    assert clients.smtp_answer(pupil, CHOSEN) == (235, "signed in")
    assert clients.imap_answer(pupil, CHOSEN) == "OK"
    assert clients.smtp_answer(pupil)[0] == 535


def test_an_own_change_ends_the_sessions_of_the_old_one(somebody: Callable[[], Account], clients: Clients) -> None:
    """K04: whoever learned the password is out within two seconds, on SMTP and on IMAP."""
    pupil = somebody()
    smtp, imap = clients.smtp(pupil), clients.imap(pupil)
    with closing(smtp, imap):
        clients.done("passwd", pupil.login, "--stdin", stdin=f"{pupil.password}\n{CHOSEN}\n")
        assert said_until_closed(smtp.sock, AT_ONCE).startswith(b"421 ")
        said_until_closed(imap.sock, AT_ONCE)
    assert clients.opens(pupil, CHOSEN)
    assert clients.smtp_answer(pupil)[0] == 535


def test_a_reset_gives_a_one_time_password_once(somebody: Callable[[], Account], clients: Clients) -> None:
    """K03: shown to the carer; sessions end, and nothing opens until it is changed."""
    pupil = somebody()
    smtp, imap = clients.smtp(pupil), clients.imap(pupil)
    with closing(smtp, imap):
        said = clients.done("users", "reset-password", pupil.login)
        said_until_closed(smtp.sock, AT_ONCE)
        said_until_closed(imap.sock, AT_ONCE)
    one_time = said.split(": ")[1].strip()
    assert clients.smtp_answer(pupil)[0] == 535
    assert clients.smtp_answer(pupil, one_time)[1].startswith("5.7.12")
    assert "EXPIRED" in clients.imap_answer(pupil, one_time)
    clients.done("passwd", pupil.login, "--stdin", stdin=f"{one_time}\n{CHOSEN}\n")
    assert clients.opens(pupil, CHOSEN)


def test_a_reset_for_nobody_says_so(clients: Clients) -> None:
    ran = clients.run("users", "reset-password", "nobody.atall")
    assert ran.returncode == 1
    assert "nobody.atall" in ran.stderr
