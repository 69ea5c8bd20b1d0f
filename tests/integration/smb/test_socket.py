"""The door's socket is open to everybody on the machine: what it tells whom, and what nobody can do to it."""

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.directory.short import short_name
from appliance.fileshare.smb import ask
from tests.integration.smb.drives import FRED, PEOPLE, Drives
from tests.integration.support_domain import possible

pytestmark = possible
ENTER = {"pid": 1, "user": "SCHULE\\fred.mustermann", "share": "Home", "address": "10.9.0.2"}
ASK = """
import json, socket, sys
door = socket.socket(socket.AF_UNIX)
door.settimeout(20)
door.connect(sys.argv[1])
door.sendall(sys.argv[2].encode() + b"\\n")
print(door.makefile().readline())
"""


def asked_as(uid: int, drives: Drives, verb: str, **arguments: Any) -> dict[str, Any]:
    """Ask the door as somebody else on the machine; the whole answer."""
    line = json.dumps({"id": 1, "verb": verb, "arguments": arguments})
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", "-c", ASK, str(drives.socket), line],
        user=uid,
        group=uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def refusal(answer: dict[str, Any]) -> str:
    assert "result" not in answer
    return str(answer["error"]["kind"])


@pytest.mark.parametrize(
    ("verb", "arguments"), [("enter", ENTER), ("standing", {}), ("cuts", {}), ("cuts-told", {"ids": [1]})]
)
def test_who_is_there_and_what_was_cut_is_told_to_nobody(drives: Drives, verb: str, arguments: dict[str, Any]) -> None:
    with drives.seated():
        assert refusal(asked_as(PEOPLE[FRED].uid, drives, verb, **arguments)) == "not-allowed"


def test_each_is_told_the_size_of_his_own_drive(drives: Drives) -> None:
    drives.publish(fred__mustermann={"quota": 5 << 20})
    uid = PEOPLE[FRED].uid
    assert refusal(asked_as(uid, drives, "space")) == "unbounded", "he is not there"
    with drives.seated():
        assert asked_as(uid, drives, "space")["result"]["size"] == 5 << 20
        assert refusal(asked_as(uid + 1, drives, "space")) == "unbounded"


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": "sysvol"},
        {"share": "../homes"},
        {"user": "SCHULE\\.."},
        {"user": "SCHULE\\nobody.there"},
        {"user": ""},
        {"user": "SCHULE\\fred.mustermann\0"},
        {"user": "SCHULE\\" + "x" * 5000},
        {"pid": 0},
        {"pid": -1},
        {"pid": 1},
        {"pid": 2**40},
        {"pid": 2**70},
        {"pid": "1"},
        {"more": 1},
    ],
    ids=lambda wrong: "-".join((*wrong, str(*wrong.values())[:20])).replace("\0", "NUL"),
)
def test_what_is_no_sign_in_lets_nobody_in_and_leaves_nothing(drives: Drives, wrong: dict[str, Any]) -> None:
    (child,) = drives.door.children()
    answer = asked_as(0, drives, "enter", **{**ENTER, "pid": child, **wrong})
    assert refusal(answer) in ("closed", "bad-argument")
    assert drives.ask("standing")["connections"] == 0
    homes = drives.settings.server.runtime / "smb" / "homes"
    known = {f"SCHULE\\{short_name(login)}" for login in PEOPLE}
    assert {link.name for link in homes.iterdir()} <= known


@pytest.mark.parametrize(
    "bytes_",
    [b"\n", b"{}\n", b"[]\n", b"\xff\xfe\n", b'{"id":1,"verb":"enter"}\n', b'{"id":1,"verb":"en', b"x" * 3_000_000],
    ids=["empty", "object", "list", "bytes", "no arguments", "half", "long"],
)
def test_what_is_no_question_ends_at_most_its_own_connection(drives: Drives, bytes_: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as hostile:
        hostile.settimeout(20)
        hostile.connect(str(drives.socket))
        with contextlib.suppress(ConnectionError):
            hostile.sendall(bytes_)
            hostile.shutdown(socket.SHUT_WR)
            while hostile.recv(65536):
                pass
    assert "blocks available" in drives.smbclient("Home", "ls")


def test_hundreds_who_connect_and_say_nothing_keep_nobody_out(drives: Drives) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.connect(str(drives.socket))
        assert "blocks available" in drives.smbclient("Home", "ls")


# the program that smbd starts, and a door that is not one


@contextlib.contextmanager
def somebody_else(folder: Path, answer: bytes | None) -> Iterator[Path]:
    """Listens there, reads one question, says ``answer`` (``None``: nothing) and ends."""
    path = folder / "door.sock"

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            with contextlib.suppress(ConnectionError):
                connection.sendall(answer or b"")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"\n",
        b"{}\n",
        b'{"result": {}',
        b'{"error": {"kind": "closed"}}\n',
        b"\xff\n",
        b"[1]\n",
        b"1" * 200_000,
    ],
    ids=["nothing", "empty", "line", "object", "half", "error", "bytes", "list", "long"],
)
def test_whatever_is_not_a_yes_is_a_no(short: Path, answer: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    with somebody_else(short, answer) as path:
        assert ask.main([str(path), "enter", "1", "SCHULE\\fred", "Home", "::1"]) == 1
    path.unlink()
    with somebody_else(short, answer) as path:
        assert ask.main([str(path), "space"]) == 1
    assert capsys.readouterr().out == "", "then smbd shows the disk"


def test_a_yes_is_a_yes_and_a_size_is_printed_as_smbd_reads_it(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with somebody_else(short, b'{"id": 1, "result": {}}\n') as path:
        assert ask.main([str(path), "enter", "1", "SCHULE\\fred", "Home", "::1"]) == 0
    path.unlink()
    with somebody_else(short, b'{"id": 1, "result": {"size": 10240, "free": 100}}\n') as path:
        assert ask.main([str(path), "space"]) == 0
    assert capsys.readouterr().out == "10 1 1024\n"


@pytest.mark.parametrize(
    "argv", [[], ["/nowhere"], ["/nowhere", "space"], ["/nowhere", "leave"], ["/nowhere", "enter", "x", "u", "s", "a"]]
)
def test_wrong_questions_are_a_no(argv: list[str]) -> None:
    assert ask.main(argv) == 1


def test_it_starts_without_site_packages_and_says_no_to_an_empty_place(short: Path) -> None:
    program = [*("/usr/bin/python3", "-I", "-S"), ask.__file__, str(short / "none.sock")]
    done = subprocess.run([*program, "enter", "1", "u", "Home", ""], capture_output=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
