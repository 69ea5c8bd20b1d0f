"""Whose files are whose over SMB, by what the kernel lets in (K05, K06, K32)."""

import os
import stat

import pytest

from tests.integration.shares.conftest import LONG, PASSWORD
from tests.integration.support_domain import possible

pytestmark = possible

DENIED = "NT_STATUS_ACCESS_DENIED"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", ["{}", "SCHULE\\{}", "{}@SCHULE.EXAMPLE", "{}@schule.example"])
def test_however_he_calls_himself_it_is_his_home(drives, text, name):
    said = drives.do(name.format("fred.muster"), "Home", f"put {text} a.txt")
    assert (drives.home("fred.muster") / "a.txt").read_text() == "seen", said


@pytest.mark.parametrize("name", ["maximilian.must-e4c5", f"{LONG}@schule.example"])
def test_a_long_login_has_its_home_too(drives, text, name):
    said = drives.do(name, "Home", f"put {text} a.txt")
    assert (drives.home(LONG) / "a.txt").read_text() == "seen", said


def test_by_ticket(drives, text):
    cache = {"KRB5CCNAME": f"FILE:{drives.home('fred.muster').parent.parent}/ticket"}
    login = drives.domain.inside(["kinit", "fred.muster"], f"{PASSWORD}\n", cache)
    assert login.returncode == 0, login.stderr
    argv = ["smbclient", f"//{drives.domain.place.fqdn}/Home", "--use-kerberos=required", "--command", f"put {text} k"]
    done = drives.domain.inside(argv, environment=cache)
    assert (drives.home("fred.muster") / "k").exists(), done.stdout + done.stderr


def test_what_is_made_in_a_home_is_its_owners_alone(drives, text):
    drives.do("fred.muster", "Home", ["mkdir d", f"put {text} d/a.exe"])
    home = drives.home("fred.muster")
    assert (mode(home / "d"), mode(home / "d" / "a.exe")) == (0o700, 0o600)
    assert {path.stat().st_uid for path in (home / "d", home / "d" / "a.exe")} == {drives.uids["fred.muster"]}
    assert os.listxattr(home / "d" / "a.exe") == ["user.DOSATTRIB"]  # no list of rights


def test_what_is_made_in_a_group_is_its_members_alike(drives, text):
    drives.do("fred.muster", "Groups", ["mkdir class3a/d", f"put {text} class3a/d/a.txt"])
    folder = drives.group("class3a") / "d"
    assert (mode(folder), folder.stat().st_gid) == (0o2770, 20100)
    assert (mode(folder / "a.txt"), (folder / "a.txt").stat().st_gid) == (0o660, 20100)
    assert "system.posix_acl_access" not in os.listxattr(folder / "a.txt")
    said = drives.do("ida.muster", "Groups", ["get class3a/d/a.txt -", f"put {text} class3a/d/b.txt"])
    assert "seen" in said
    drives.do("anna.lehrer", "Groups", ["rename class3a/d/a.txt class3a/c.txt", "del class3a/d/b.txt"])
    assert sorted(path.name for path in drives.group("class3a").rglob("*")) == ["c.txt", "d"]


def test_others_groups_are_not_there(drives, text):
    said = drives.do("fred.muster", "Groups", "ls")
    assert "class3a" in said
    assert "class3b" not in said
    assert "kollegium" not in said
    said = drives.do("fred.muster", "Groups", [f"put {text} class3b/a.txt", "ls class3b/*", "mkdir new"])
    assert said.count(DENIED) == 3
    said = drives.do("fred.muster", "Groups", ["rename class3a class3x", "rmdir class3b"])
    assert said.count(DENIED) == 2
    assert sorted(path.name for path in drives.group("").iterdir()) == ["class3a", "class3b", "kollegium"]


def test_the_staffs_folder_is_a_share_of_its_own(drives, text):
    drives.do("anna.lehrer", "Staff", f"put {text} a.txt")
    assert (drives.group("kollegium") / "a.txt").stat().st_gid == 20102
    assert "BAD_NETWORK_NAME" in drives.do("fred.muster", "Staff", "ls")


def test_a_door_left_open_opens_no_other_home(drives, text):
    """Even if a link led elsewhere, the kernel would not let him in."""
    (drives.home("ida.muster") / "a.txt").write_text("hers")
    link = drives.domain.settings.server.runtime / "smb" / "homes" / r"SCHULE\otto.andere"
    right = link.readlink()
    link.unlink()
    link.symlink_to(drives.home("ida.muster"))
    try:
        said = drives.do("otto.andere", "Home", ["ls", "get a.txt -", f"put {text} b.txt"])
        assert "hers" not in said
        assert DENIED in said
    finally:
        link.unlink()
        link.symlink_to(right)


@pytest.mark.parametrize("change", [("-a", "ACL:Everyone:ALLOWED/0x0/FULL"), ("-C", "SCHULE\\ida.muster")])
def test_nobody_opens_a_file_to_others_from_a_pc(drives, text, change):
    drives.do("fred.muster", "Home", f"put {text} a.txt")
    file = drives.home("fred.muster") / "a.txt"
    before = file.stat()
    argv = ["smbcacls", "//server/Home", "a.txt", f"--user=fred.muster%{PASSWORD}", *change]
    assert drives.domain.inside(argv).returncode != 0
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert not [name for name in os.listxattr(file) if "acl" in name.lower()]


def test_a_link_leads_nowhere(drives):
    (drives.home("fred.muster") / "link").symlink_to("/etc/passwd")
    (drives.group("class3a") / "up").symlink_to("..")
    said = drives.do("fred.muster", "Home", "get link -")
    assert "root:" not in said
    said = drives.do("fred.muster", "Groups", "ls class3a/up/class3a*")
    assert "NOT_FOUND" in said or "STOPPED_ON_SYMLINK" in said, said  # what 4.17 and 4.22 say


def test_unfinished_uploads_of_ftp_are_no_files(drives, text):
    drives.do("fred.muster", "Home", "mkdir d")
    rest = drives.home("fred.muster") / "d" / ".schoolserver-upload-kept-20000-1"
    rest.write_text("half")
    assert "upload" not in drives.do("fred.muster", "Home", "ls d/*")
    assert "NT_STATUS" in drives.do("fred.muster", "Home", f"put {text} .schoolserver-upload-kept-20000-2")
    drives.do("fred.muster", "Home", "rmdir d")
    assert not rest.exists()


def test_no_program_starts_from_a_share(drives, text):
    """Opening a file to run it (FILE_EXECUTE, [MS-SMB2] 2.2.13.1.1) is refused, whatever is in it; reading is not."""
    drives.do("fred.muster", "Groups", f"put {text} class3a/a.exe")
    drives.do("fred.muster", "Home", f"put {text} a.exe")
    for share, path in (("Groups", "class3a\\a.exe"), ("Home", "a.exe")):
        assert opened(drives, share, path, 0x1) == "opened"
        assert opened(drives, share, path, 0x20) == DENIED


def opened(drives, share, path, access):
    script = (
        "import sys; from samba import NTSTATUSError, credentials, param; from samba.samba3 import param as s3;"
        "from samba.samba3 import libsmb_samba_internal as smb;"
        "lp = s3.get_context(); lp.load('/dev/null'); creds = credentials.Credentials(); creds.guess(param.LoadParm());"
        f"creds.parse_string('SCHULE/fred.muster%{PASSWORD}');"
        f"line = smb.Conn('server', {share!r}, lp=lp, creds=creds)\n"
        f"try:\n line.create({path!r}, DesiredAccess={access}, CreateDisposition=1); print('opened')\n"
        "except NTSTATUSError as error:\n print(error.args[1] if not isinstance(error.args[0], int) or"
        " error.args[0] != 0xC0000022 else 'NT_STATUS_ACCESS_DENIED')\n"
    )
    done = drives.domain.inside(["/usr/bin/python3", "-P", "-c", script])
    return done.stdout.strip() or done.stderr


def test_what_macs_and_windows_keep_beside_a_file_is_no_second_file(drives, text):
    """Streams ([MS-FSCC] 2.1.5): where a file came from, a Mac's colours and labels."""
    drives.do("fred.muster", "Home", [f"put {text} a.txt", f"put {text} a.txt:Zone.Identifier"])
    home = drives.home("fred.muster")
    assert [path.name for path in home.iterdir()] == ["a.txt"]
    assert (home / "a.txt").read_text() == "seen"
    assert "seen" in drives.do("fred.muster", "Home", "get a.txt:Zone.Identifier -")


def test_a_hard_link_gives_nobody_a_right(drives):
    """A second name for a file that one may write to: owner, group and mode stay, and who could not open it cannot."""
    file = drives.group("class3a") / "a.txt"
    file.write_text("shared")
    os.chown(file, drives.uids["ida.muster"], 20100)
    file.chmod(0o660)
    before = file.stat()
    for login, target in (("fred.muster", "class3a/b.txt"), ("anna.lehrer", "kollegium/b.txt")):
        drives.do(login, "Groups", f"hardlink class3a/a.txt {target}")
        found = drives.group(target).stat()
        assert found.st_ino == before.st_ino
        assert (found.st_uid, found.st_gid, found.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert "shared" in drives.do("anna.lehrer", "Groups", "get kollegium/b.txt -")


@pytest.mark.parametrize("target", ["class3b/a.txt", "class3b\\..\\class3b\\a.txt"])
def test_no_hard_link_is_made_to_what_one_cannot_open(drives, target):
    file = drives.group("class3a") / "a.txt"
    file.write_text("shared")
    os.chown(file, drives.uids["ida.muster"], 20100)
    file.chmod(0o660)
    assert DENIED in drives.do("otto.andere", "Groups", f"hardlink class3a/a.txt {target}")
    assert file.stat().st_nlink == 1
    assert not list(drives.group("class3b").iterdir())


@pytest.mark.parametrize("way", [r"..\ida.muster\a.txt", r"..\..\homes\ida.muster\a.txt", r"d\..\..\ida.muster\a.txt"])
def test_no_path_leads_out_of_a_share(drives, way):
    """As they are sent: smbclient would shorten them itself. Within the share such a path is one like any other."""
    (drives.home("fred.muster") / "d").mkdir()
    (drives.home("fred.muster") / "d").chmod(0o777)
    file = drives.home("ida.muster") / "a.txt"
    file.write_text("hers")
    file.chmod(0o666)
    assert opened(drives, "Home", r"d\..\d", 0x1) == "opened"
    assert opened(drives, "Home", way, 0x1) not in ("opened", "")
