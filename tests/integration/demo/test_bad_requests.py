"""What is not asked for properly is refused, with a clear message on the right side; nothing is half done."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.demo.clients import Clients
from tests.integration.demo.running import NOBODY, Account, RunningDemo

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users, so root")
ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(10)
client.connect(sys.argv[1])
client.sendall(sys.argv[2].encode() + b"\\n")
print(client.recv(65536).decode())
"""


def test_a_request_over_one_mebibyte(demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, bad input: 413, whether the length is announced or not, and the server goes on."""
    large = demo.folder / "large"
    large.write_bytes(b'{"login": "' + b"x" * (1024 * 1024) + b'"}')
    status, answer = clients.control("users.show", "--data-binary", f"@{large}")
    assert (status, answer["error"]["kind"]) == (413, "too-large")
    chunked = ("--header", "Transfer-Encoding: chunked", "--data-binary", f"@{large}")
    assert clients.control("users.show", *chunked)[0] == 413
    assert clients.healthy()


def test_an_unknown_verb(clients: Clients) -> None:
    """Issue 2, bad input: 404, and which verbs there are."""
    status, answer = clients.control("users.explode", "--data", "{}")
    assert (status, answer["error"]["kind"]) == (404, "unknown-verb")
    assert "users.show" in answer["error"]["text"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("", "login"),
        ("{", "JSON"),
        ("[1]", "object"),
        ('{"login": 7}', "login"),
        ('{"login": "a", "shoe": 1}', "shoe"),
        ("[" * 100_000, "JSON"),
    ],
    ids=["missing", "cut", "a list", "a number", "unknown", "deep"],
)
def test_wrong_arguments(body: str, named: str, demo: RunningDemo, clients: Clients) -> None:
    """400, and what is wrong by name."""
    content = demo.folder / "body"
    content.write_text(body)
    status, answer = clients.control("users.show", "--data-binary", f"@{content}")
    assert (status, answer["error"]["kind"]) == (400, "wrong-arguments")
    assert named in answer["error"]["text"]


def test_a_verb_is_posted(clients: Clients) -> None:
    assert clients.control("status", "--get")[0] == 405


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff" * 4096, b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/status", b"\r\n" * 1000],
    ids=["noise", "version", "cut", "empty lines"],
)
def test_garbage_on_the_control_socket(garbage: bytes, demo: RunningDemo, clients: Clients) -> None:
    """It gets an answer or a hang-up, and others are served as before."""
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(10)
        stranger.connect(demo.contract["control"])
        stranger.sendall(garbage)
        stranger.shutdown(socket.SHUT_WR)
        stranger.recv(65536)
    assert clients.control("status", "--data", "{}")[0] == 200


@ROOT_ONLY
def test_who_is_no_administrator_may_not_ask(fred: Account, clients: Clients, demo: RunningDemo) -> None:
    """ARCHITECTURE.md: group ``schoolserver-admin``; an ordinary user is told that he may not."""
    ran = clients.run("users", "show", fred.login, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")
    assert ran.returncode == 1
    assert fred.address not in ran.stdout
    assert "Traceback" not in ran.stderr
    assert demo.contract["control"] in ran.stderr


@ROOT_ONLY
def test_only_the_supervisor_asks_the_privileged_process(demo: RunningDemo) -> None:
    """Issue 2, bad input: not root, not nobody, not even somebody in the right group; and nothing is made."""
    place = demo.runtime / "privileged" / "privileged.sock"
    group = place.stat().st_gid
    request = {"id": 1, "verb": "home-make", "arguments": {"login": "evil.twin", "uid": 20001, "gid": 20001}}
    for uid, gid in ((0, 0), (NOBODY, group)):
        answer = _ask(place, json.dumps(request), uid, gid)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["error"]["kind"] == "not-allowed"
    outsider = _ask(place, json.dumps(request), NOBODY, NOBODY)
    assert "PermissionError" in outsider.stderr
    assert not (Path(demo.contract["data"]) / "homes" / "evil.twin").exists()


@ROOT_ONLY
def test_nobody_reads_keys_snapshots_or_passwords(demo: RunningDemo) -> None:
    """ARCHITECTURE.md, "Secrets" and "Snapshot": each service its own copy, closed to others."""
    secret = [
        path for path in demo.state.rglob("*") if path.name.endswith((".key", "key.pem", ".password", ".snapshot"))
    ]
    assert len(secret) > 5
    assert [path.name for path in secret if path.stat().st_mode & 0o007] == []


def _ask(place: Path, line: str, uid: int, gid: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ASK, str(place), line],
        user=uid, group=gid, extra_groups=[], cwd="/", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
