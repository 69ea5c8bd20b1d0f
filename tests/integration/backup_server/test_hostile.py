"""A school's server that was broken into, and even code of a stranger running as the school's user over there."""

import json
import os
import shlex
import socket
import subprocess
import sys

import pytest

from appliance.backup_server.manifest import Entry, Index, Section, digest
from tests.integration.backup_server.support_store import AS_ROOT, TREE, UID, as_user, result
from tests.integration.demo.waiting import eventually

SALT = "0" * 32
FOLDER = Entry("d", 0o700, 1, 1, 1, 0, "-", "-", b".")
needs_root = pytest.mark.skipif(not AS_ROOT, reason="without root all are one user")


@pytest.fixture
def committed(school, home):
    """A snapshot, and all that is in it."""
    name = school.copy()
    yield name, school.stored(name)


def index(*sections, school="goethe", base=None):
    pairs = frozenset((section.part, digest(section.encode())) for section in sections)
    return Index(school, "2026-01-01T00:00:00Z", base, None, pairs).encode()


def section(unit="x", part="homes", *more):
    return Section.of(part, unit, None, SALT, [FOLDER, *more])


def refused(school, data, sections):
    """What the committer says to a manifest of these bytes; afterwards nothing has changed."""
    before = school.place.names()
    school.begin()
    school.manifest(data, sections)
    done = school.ask("commit")
    assert done.returncode == 1
    assert school.place.names() == before
    assert sorted(os.listdir(school.place.snapshots)) == before
    assert school.at_work() == []
    return json.loads(done.stdout.splitlines()[-1])["error"]


@pytest.mark.parametrize(
    "words", ["--inplace", "--append", "--delete", "--link-dest=../../snapshots", "--write-devices"]
)
def test_its_words_for_rsync_are_not_heard(school, home, committed, words):
    name, before = committed
    words = words.replace("snapshots", f"snapshots/{name}/homes")
    (home / "brief.odt").write_bytes(b"Liebe Oma")
    school.begin()
    school.send("homes", home.parent, [b"fred.mustermann/brief.odt"], f"-M{words}")
    assert school.stored(name) == before
    new = school.place.incoming / "homes" / "fred.mustermann" / "brief.odt"
    assert not new.exists() or new.stat().st_nlink == 1


@pytest.mark.parametrize(
    "path", ["../../../../tmp/x", "/tmp/x", "incoming/../snapshots", "snapshots/NAME/homes", "dumps"]
)
def test_it_writes_nowhere_else(school, home, committed, path):
    name, before = committed
    words = f"rsync --server -lHogDtpAXRSe.LsfxCIvu --numeric-ids . {shlex.quote(path.replace('NAME', name))}"
    done = school.ask(words)
    assert done.returncode == 3
    assert b"refused" in done.stderr
    assert school.stored(name) == before


def test_it_reads_its_snapshots_and_nothing_by_way_of_dots(school, home, committed, tmp_path):
    name, _ = committed
    for asked, well in ((b"fred.mustermann/brief.odt", True), (b"../index", False), (b"../../../../etc/passwd", False)):
        argv = ["rsync", "-aHAXS", "--numeric-ids", "--files-from=-", "--from0", "-e", str(school.shell)]
        into = tmp_path / str(well)
        into.mkdir(exist_ok=True)
        done = subprocess.run([*argv, f"h:snapshots/{name}/homes/", into], input=asked, capture_output=True)
        assert (done.returncode == 0) == well
    assert {path.name for path in tmp_path.glob("True/**/*.odt")} == {"brief.odt"}
    assert not list(tmp_path.glob("**/passwd")) and not list(tmp_path.glob("**/index"))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "sh",
        "begin now",
        "index",
        "index ../goethe",
        "index 2026-01-01T000000/../..",
        "section 2026-01-01T000000 homes",
        "dump ../deleted",
        "list; id",
        "commit --force",
        "rsync --daemon",
    ],
)
def test_other_words_are_refused(school, words):
    done = school.ask(words)
    assert done.returncode == 3
    assert done.stdout == b""


def test_the_recovery_key_only_reads(school, home, committed):
    name, _ = committed
    for words in ("begin", "commit", "rsync --server -l . incoming/homes/"):
        assert school.ask(words, "--read-only").returncode == 3
    for words in ("list", f"index {name}", f"section {name} homes fred.mustermann", f"dump {name}"):
        assert school.ask(words, "--read-only").returncode == 0


@pytest.mark.parametrize("path", [b"../../x", b"/etc/x", b"a/../../x", b".."])
def test_a_section_that_leads_elsewhere_is_refused(school, committed, path):
    good = section("x", "homes", Entry("f", 0o600, 1, 1, 1, 0, "-", "-", b"PATH")).encode()
    bad = good.replace(b"PATH", path)
    listed = Index("goethe", "2026-01-01T00:00:00Z", None, None, frozenset({("homes", digest(bad))})).encode()
    assert "line" in refused(school, listed, {digest(bad): bad})


@pytest.mark.parametrize("unit", ["..", "../schiller", ".hidden", "a/b", "/"])
def test_a_unit_that_leads_elsewhere_is_refused(school, committed, unit):
    bad = section("UNIT").encode().replace(b"UNIT", unit.encode())
    listed = Index("goethe", "2026-01-01T00:00:00Z", None, None, frozenset({("homes", digest(bad))})).encode()
    assert "strange name" in refused(school, listed, {digest(bad): bad})


def test_manifests_that_do_not_agree_are_refused(school, committed):
    one, other = section("x"), section("y", "mail")
    sent = {digest(one.encode()): one.encode()}
    assert "not sent" in refused(school, index(one, other), sent)
    assert "another school" in refused(school, index(one, school="schiller"), sent)
    assert "newest" in refused(school, index(one, base="2020-01-01T000000"), sent)
    assert "another content" in refused(school, index(one), {digest(one.encode()): section("z").encode()})
    crossed = Index("goethe", "2026-01-01T00:00:00Z", None, None, frozenset({("mail", digest(one.encode()))}))
    assert "another part" in refused(school, crossed.encode(), sent)
    name, _ = committed
    ((_, held),) = Index.decode((school.place.snapshots / name / "index").read_bytes()).sections
    crossed = Index("goethe", "2026-01-01T00:00:00Z", name, None, frozenset({("mail", held)}))
    assert "another part" in refused(school, crossed.encode(), {})
    twice = Section("homes", "x", None, "1" * 32, one.lines)
    assert "two sections" in refused(school, index(one, twice), {**sent, digest(twice.encode()): twice.encode()})
    dot = section(".")
    assert "has units" in refused(school, index(one, dot), {**sent, digest(dot.encode()): dot.encode()})
    assert "not sent" in refused(
        school, Index("goethe", "2026-01-01T00:00:00Z", None, "0" * 64, frozenset()).encode(), {}
    )


def test_a_huge_section_is_refused_before_it_is_read(school, committed, monkeypatch):
    name = "a" * 64
    listed = Index("goethe", "2026-01-01T00:00:00Z", None, None, frozenset({("homes", name)})).encode()
    school.begin()
    school.manifest(listed, {})
    sections = school.place.incoming / "manifest" / "sections"
    sections.mkdir(exist_ok=True)
    with (sections / name).open("wb") as file:
        file.truncate(1 << 40)
    os.chown(sections, UID, UID)
    os.chown(sections / name, UID, UID)
    assert "too long" in json.loads(school.ask("commit").stdout.splitlines()[-1])["error"]


def test_two_commits_at_once_make_one(server, school, home):
    school.transfer()
    said = [one.last() for one in [server.committing("goethe"), server.committing("goethe")]]
    assert sorted("result" in one for one in said) == [False, True]
    assert len(school.check()) == 1


def test_a_transfer_under_way_and_a_commit_keep_apart(school, home):
    school.transfer()
    with school.at_rest():
        done = school.send("homes", home.parent, [b"fred.mustermann"])
        assert done.returncode != 0
        assert b"failed: another transfer or commit" in done.stderr


@needs_root
def test_another_school_is_closed(server, school, home, committed):
    name, before = committed
    other = server.school("schiller", UID + 1)
    theirs = school.place.folder
    for path in (theirs / "snapshots", theirs / "dumps", theirs / "state.json", theirs / "lock"):
        assert subprocess.run([*as_user(other.uid), "cat", path], capture_output=True).returncode != 0
        assert subprocess.run([*as_user(other.uid), "ls", path], capture_output=True).returncode != 0
    assert other.ask(f"dump {name}").returncode == 3
    for action in ("begin", "commit"):
        program = (
            "import sys;from appliance.backup_server.asking import *;from pathlib import Path;"
            f"print(list(asked(Path({str(server.settings.socket)!r}),{{'school':'goethe','action':{action!r}}})))"
        )
        done = subprocess.run(
            [*as_user(other.uid), sys.executable, "-c", program], capture_output=True, env={"PYTHONPATH": str(TREE)}
        )
        assert b"somebody else" in done.stdout
    assert school.stored(name) == before


@needs_root
def test_its_user_changes_nothing_that_is_committed(school, committed):
    name, before = committed
    folder = school.place.snapshots / name
    file = folder / "homes" / "fred.mustermann" / "brief.odt"
    for words in (
        ["rm", "-rf", folder],
        ["mv", folder, f"{folder}x"],
        ["sh", "-c", f"echo >{file}"],
        ["chmod", "777", file],
        ["setfattr", "-n", "user.x", "-v", "1", file],
        ["touch", file],
        ["ln", file, school.place.incoming / "x"],
        ["touch", school.place.folder / "x"],
        ["rm", "-f", school.place.dumps / f"{name}.age"],
        ["ls", school.place.work],
    ):
        done = subprocess.run([*as_user(UID), *words], capture_output=True)
        assert done.returncode != 0 or words[0] == "ln"
    assert school.stored(name) == before


@needs_root
@pytest.mark.parametrize("how", ["descriptor", "mapping"])
def test_what_somebody_still_writes_to_is_copied(school, home, how):
    school.transfer()
    path = school.place.incoming / "homes" / "fred.mustermann" / "brief.odt"
    program = f"import mmap,sys;f=open({str(path)!r},'r+b');m=mmap.mmap(f.fileno(),0)" + (
        ";f.close()" if how == "mapping" else ""
    )
    program += ";print('open',flush=True);sys.stdin.readline();m[:6]=b'BOESES';m.flush()"
    writer = subprocess.Popen(
        [*as_user(UID), sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdout.readline() == b"open\n"
    name = school.commit()["snapshot"]
    before = school.stored(name)
    writer.communicate(b"now\n")
    assert writer.returncode == 0
    assert school.stored(name) == before == school.lines(name)


@needs_root
def test_links_instead_of_folders_lead_nowhere(school, home):
    secret = school.server.folder / "secret"
    (secret / "fred.mustermann").mkdir(parents=True)
    (secret / "fred.mustermann" / "brief.odt").write_bytes(b"geheim")
    school.transfer()
    homes = school.place.incoming / "homes"
    homes.rename(school.place.incoming / "away")
    homes.symlink_to(secret)
    said = school.answer("commit")
    name = result(said)["snapshot"]
    assert result(said)["missing"] == len({line for line in school.lines(name) if line[0] == "homes"})
    assert not [path for path in (school.place.snapshots / name).rglob("*") if path.is_symlink()]
    assert (secret / "fred.mustermann" / "brief.odt").stat().st_uid == 0


@needs_root
def test_files_that_are_no_files_of_its_own_are_left_out(school, home):
    """A link to a file of root's, a pipe, a symbolic link, a folder: all instead of a file."""
    secret = school.server.folder / "secret"
    secret.write_bytes(b"geheim")
    secret.chmod(0o600)
    school.transfer()
    unit = school.place.incoming / "homes" / "fred.mustermann"
    for name in ("brief.odt", "loch", "zwei", "link"):
        (unit / name).unlink()
    (unit / "brief.odt").hardlink_to(secret)
    os.mkfifo(unit / "loch")
    (unit / "zwei").mkdir()
    (unit / "link").symlink_to(secret)
    said = school.answer("commit")
    missing = {one["missing_path"] for one in said if "missing_path" in one}
    assert missing == {"brief.odt", "loch", "zwei", "link"}
    assert secret.stat().st_mode & 0o777 == 0o600
    assert (secret.stat().st_uid, secret.stat().st_gid) == (0, 0)


@needs_root
def test_an_access_list_of_its_own_does_not_stay(school, home):
    school.transfer()
    path = school.place.incoming / "homes" / "fred.mustermann" / "brief.odt"
    subprocess.run(["setfacl", "-m", f"u:{UID}:rw", path], check=True)
    os.setxattr(path, "user.rsync.security.capability", b"\1")
    name = school.commit()["snapshot"]
    kept = school.place.snapshots / name / "homes" / "fred.mustermann" / "brief.odt"
    assert set(os.listxattr(kept)) == {"user.rsync.%stat"}
    assert school.check()


def test_no_depth_of_folders_stops_the_removal_of_what_was_not_wanted(school):
    school.begin()
    school.manifest(index(), {})
    held = os.open(school.place.incoming, os.O_RDONLY)
    for _ in range(5000):
        os.mkdir("d", dir_fd=held)
        inner = os.open("d", os.O_RDONLY, dir_fd=held)
        os.close(held)
        held = inner
    os.close(held)
    name = school.commit()["snapshot"]
    assert os.listdir(school.place.snapshots / name / "homes") == []
    eventually(lambda: not school.at_work())


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"[]\n", b"{}\n", b'{"school":["goethe"],"action":{}}\n', b"[" * 100_000 + b"\n"]
)
def test_the_committer_answers_nonsense_with_an_error(server, school, line):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.settings.socket))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as file:
            said = [json.loads(one) for one in file]
    assert [set(one) for one in said] == [{"error"}]
