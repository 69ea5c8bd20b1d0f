"""No way out: whatever lies in a folder and however a path is written, nobody reaches what is not his.

A list of what has been tried on others, and a generator of paths. The invariant: what belongs to others is as it was,
nothing of it is in any answer, and nothing is made outside of one's folders.
"""

from __future__ import annotations

import contextlib
import ftplib
import io
import itertools
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.fileshare.school import FRED, GINA, PEOPLE, School
from tests.integration.support_place import AS_ROOT, ROOT

SECRET = b"Geheimnis-4711"
COMMANDS = ("CWD", "SIZE", "MDTM", "MLST", "STAT", "DELE", "MKD", "RMD", "MFMT 20200101000000")
MOVING = ("RETR", "NLST", "LIST", "MLSD", "STOR", "APPE")
ORDINARY = 65_533  # nobody's number
TRAPS = ("link", "folder-link", "up-link", "loop", "hard", "pipe", "door", "device", "disk", "inner")


@dataclass
class Grounds:
    """What is not fred's: ``outside`` is in nobody's share, ``hers`` is gina's, ``group`` another class's."""

    school: School
    outside: Path
    hers: Path
    group: Path

    def plant(self) -> None:
        """Put into fred's home what could lead out of it."""
        home = self.school.home(FRED)
        for path, target in (
            ("link", self.outside / "secret"),
            ("folder-link", self.outside),
            ("up-link", Path("../..")),
            ("loop", Path("loop")),
        ):
            with contextlib.suppress(FileExistsError):
                (home / path).symlink_to(target)
        with contextlib.suppress(FileExistsError):
            os.link(self.hers, home / "hard")
        with contextlib.suppress(FileExistsError):
            os.mkfifo(home / "pipe", 0o666)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as door:
            door.bind(str(home / "door"))
        if AS_ROOT:
            for name, number in (("device", os.makedev(1, 5)), ("disk", os.makedev(7, 0))):
                with contextlib.suppress(FileExistsError):
                    os.mknod(home / name, 0o666 | (stat.S_IFCHR if name == "device" else stat.S_IFBLK), number)
        with contextlib.suppress(FileExistsError):
            (home / "inner").mkdir()
            (home / "inner" / "link").symlink_to(self.outside)
            if AS_ROOT:
                os.chown(home / "inner", PEOPLE[FRED].uid, PEOPLE[FRED].uid)

    def look(self) -> object:
        """Give everything that must not change."""
        files = [self.outside / "secret", self.hers, self.group / "secret"]
        others = [self.outside, self.hers.parent, self.group, self.school.data, self.school.data / "homes"]
        return (
            [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in files],
            [sorted(os.listdir(path)) for path in others],
            sorted(os.listdir("/")),
        )


@pytest.fixture
def grounds(school: School) -> Iterator[Grounds]:
    outside = school.folder / "outside"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)
    (outside / "secret").write_bytes(SECRET)
    (outside / "secret").chmod(0o666)
    hers, group = school.home(GINA) / "secret", school.group("klasse3b")
    for path, owner in ((hers, PEOPLE[GINA].uid), (group / "secret", PEOPLE[GINA].uid)):
        path.write_bytes(SECRET)
        path.chmod(0o660)
        if AS_ROOT:
            os.chown(path, owner, path.parent.stat().st_gid)
    yield Grounds(school, outside, hers, group)
    (outside / "secret").unlink()
    outside.rmdir()


class Attacker:
    """Sends what no program would, and keeps all that comes back."""

    def __init__(self, client: ftplib.FTP_TLS) -> None:
        self._client = client
        self.heard = bytearray()

    def say(self, line: str) -> str:
        self._client.sock.sendall(line.encode("utf-8", "surrogatepass") + b"\r\n")
        return self._reply()

    def move(self, command: str, path: str) -> str:
        """Do a transfer as far as it goes."""
        host, port = self._client.makepasv()
        with socket.create_connection((host, port), 20) as raw:
            reply = self.say(f"{command} {path}")
            if not reply.startswith("1"):
                return reply
            with (
                contextlib.suppress(OSError),
                self._client.context.wrap_socket(raw, server_hostname="127.0.0.1") as data,
            ):
                if command in ("STOR", "APPE"):
                    data.sendall(b"overwritten")
                    data.unwrap()
                else:
                    while block := data.recv(8192):
                        self.heard += block
        return self._reply()

    def _reply(self) -> str:
        reply = str(self._client.getmultiline())
        self.heard += reply.encode()
        return reply


def attack(attacker: Attacker, path: str, other: str) -> None:
    for command in COMMANDS:
        attacker.say(f"{command} {path}")
        attacker.say("CWD /Home")
    for command in MOVING:
        attacker.move(command, path)
    if attacker.say(f"RNFR {path}").startswith("350"):
        attacker.say(f"RNTO {other}")


UPS = ("..", "../..", "../../..", "../../../../../../../..", "./..", "..;/..", "....//..", ". .", ".. /..", "%2e%2e")
ODD = (
    "\\..\\..",
    "~",
    "~gina.musterfrau",
    "~root",
    "*",
    "?",
    "[a-z]*",
    "{a,b}",
    "|id",
    "`id`",
    "$(id)",
    "-la /",
    "-R ..",
)
LONG = ("a" * 256, "ä" * 128, "a/" * 200, "a" * 255, "/" * 500, "../" * 300 + "etc/passwd")
STRANGE = ("\0", "a\0b", "..\0", "\u202e", "\u2028", "\ufeff", "\udc80", "\x7f", "\x1b[2J", "a\tb", "\xad", "．．", "‥")
LIST = (
    *(f"/Home/{up}/outside/secret" for up in UPS),
    *(f"{up}/homes/{GINA}/secret" for up in UPS),
    *(f"/Home/{trap}" for trap in TRAPS),
    *(f"/Home/{trap}/secret" for trap in TRAPS),
    *(f"/Home/{one}" for one in (*ODD, *LONG, *STRANGE)),
    "/Groups/klasse3b/secret",
    "/Groups/../groups/klasse3b/secret",
    "/Groups/klasse3a/../klasse3b/secret",
    f"/homes/{GINA}/secret",
    "/etc/passwd",
    "/proc/self/root/etc/passwd",
    "/dev/fd/3",
    "/Home/.schoolserver-upload-x",
)


@pytest.mark.parametrize("begin", range(0, len(LIST), 12))
def test_a_list_of_attacks(grounds: Grounds, begin: int) -> None:
    grounds.plant()
    before = grounds.look()
    with grounds.school.ftp(FRED) as client:
        attacker = Attacker(client)
        for path in LIST[begin : begin + 12]:
            grounds.plant()
            attack(attacker, path, "/Home/inner/x")
            assert grounds.look() == before, path
            assert SECRET not in attacker.heard, path
        assert b"root:x:0" not in attacker.heard


PIECES = st.sampled_from(
    (
        "",
        ".",
        "..",
        "Home",
        "Groups",
        "Staff",
        "klasse3a",
        "klasse3b",
        FRED,
        GINA,
        "homes",
        "groups",
        "secret",
        "outside",
        *TRAPS,
    )
) | st.text(st.characters(blacklist_characters="/\r\n"), max_size=12)
PATHS = st.builds(
    lambda root, parts: root + "/".join(parts), st.sampled_from(("", "/", "/Home/")), st.lists(PIECES, max_size=7)
)


def test_a_generator_of_attacks(grounds: Grounds) -> None:
    grounds.plant()
    before = grounds.look()

    with grounds.school.ftp(FRED) as client:
        attacker = Attacker(client)

        @settings(
            max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
        )
        @given(st.sampled_from(COMMANDS + MOVING), PATHS, PATHS)
        def attacks(command: str, path: str, other: str) -> None:
            grounds.plant()
            if command in MOVING:
                attacker.move(command, path)
            else:
                attacker.say(f"{command} {path}")
            if attacker.say(f"RNFR {path}").startswith("350"):
                attacker.say(f"RNTO {other}")
            attacker.say("CWD /Home")
            assert grounds.look() == before
            assert SECRET not in attacker.heard

        attacks()


MARKS = (
    "1",
    "3",
    "-1",
    "0",
    "1e3",
    "0x10",
    "14",
    "15",
    "4294967295",
    "9223372036854775807",
    "18446744073709551616",
    "9" * 600,
)


@pytest.mark.parametrize("command", ["RETR", "STOR", "APPE"])
def test_no_offset_reaches_what_is_not_ones_own(grounds: Grounds, command: str) -> None:
    """REST says from where to go on, also in what is no file, somebody else's, or shorter than that."""
    grounds.plant()
    before = grounds.look()
    home = grounds.school.home(FRED)
    with grounds.school.ftp(FRED) as client:
        attacker = Attacker(client)
        client.storbinary("STOR /Home/own", io.BytesIO(b"of his own"))
        for mark, trap in (*itertools.product(MARKS, ("hard", "own", "new")), *itertools.product(("3", "14"), TRAPS)):
            attacker.say(f"REST {mark}")
            attacker.move(command, f"/Home/{trap}")
            attacker.say("REST 0")
            assert grounds.look() == before and SECRET[3:] not in attacker.heard, (mark, trap)
            grounds.plant()
        for path in home.iterdir():
            if path.is_file() and path.name != "hard" and not path.is_symlink():
                assert SECRET[:3] not in path.read_bytes()


def test_nothing_is_reached_while_a_folder_becomes_a_link(grounds: Grounds) -> None:
    """Between looking and opening the folder on the way is replaced, again and again, by a link that leads outside."""
    home = grounds.school.home(FRED)
    (home / "real").mkdir(mode=0o770)
    (home / "real" / "secret").write_bytes(b"of his own")
    (home / "false").symlink_to(grounds.outside)
    if AS_ROOT:
        for path in (home / "real", home / "real" / "secret"):
            os.chown(path, PEOPLE[FRED].uid, PEOPLE[FRED].uid)
    before = grounds.look()
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for name in ("real", "false"):
                os.rename(home / name, home / "way")
                os.rename(home / "way", home / name)

    swapping = threading.Thread(target=swap)
    swapping.start()
    answers = set()
    try:
        with grounds.school.ftp(FRED) as client:
            attacker = Attacker(client)
            for _ in range(60):
                for command in ("RETR", "STOR"):
                    answers.add(attacker.move(command, "/Home/way/secret")[:3])
                for command in ("SIZE /Home/way/secret", "MFMT 20200101000000 /Home/way/secret", "DELE /Home/way/new"):
                    answers.add(attacker.say(command)[:3])
                attacker.say("MKD /Home/way/made")
                attacker.say("RMD /Home/way/made")
    finally:
        over.set()
        swapping.join()
    assert grounds.look() == before
    assert SECRET not in attacker.heard
    assert {"550"} < answers  # sometimes it was the folder of his own, sometimes not


@pytest.mark.skipif(not AS_ROOT, reason="they are tried as one already")
def test_the_same_as_an_ordinary_user() -> None:
    """Where the kernel keeps nobody apart, since all is done as one user, our own code does."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as own:
        os.chown(own, ORDINARY, ORDINARY)
        done = subprocess.run(
            [
                sys.executable,
                "-B",
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--basetemp",
                f"{own}/tmp",
                __file__,
            ],
            cwd=ROOT,
            user=ORDINARY,
            group=ORDINARY,
            extra_groups=[],
            env={"PATH": os.environ["PATH"], "HOME": own, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["SITE CHMOD 777 /Home", "SITE EXEC id", "STOU /Home/x", "PORT 127,0,0,1,0,22"])
def test_what_has_been_a_hole_elsewhere_is_not_there(grounds: Grounds, command: str) -> None:
    with grounds.school.ftp(FRED) as client:
        assert Attacker(client).say(command).startswith("500")


def test_a_line_that_is_no_text_is_refused_alone(school: School) -> None:
    with school.ftp(FRED) as client:
        client.sock.sendall(b"CWD /Home/\xff\xfe\r\nCWD /Home\r\n")
        assert client.getmultiline().startswith("501")
        assert client.getmultiline().startswith("250")


def test_data_goes_to_whom_the_session_belongs_to_only(school: School) -> None:
    """FXP: another host's connection to the port that awaits the file is none."""
    with school.ftp(FRED) as client:
        client.storbinary("STOR /Home/a", io.BytesIO(b"12345"))
        host, port = client.makepasv()
        with socket.socket() as foreign:
            foreign.bind(("127.0.0.2", 0))
            foreign.connect((host, port))
            assert foreign.recv(1) == b""
        assert Attacker(client).say("EPRT |1|127.0.0.2|2000|").startswith("500")
