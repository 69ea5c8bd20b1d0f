"""The control socket of a running supervisor, spoken to by curl, by hand and by its own client."""

import http.client
import json
import os
import socket
import stat
import subprocess
import threading

import pytest

from appliance.supervisor.client import ControlClient, ServerRefused, ServerUnreachable

MIB = 1024 * 1024


def connect(school, timeout=10.0):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    connection.connect(str(school.control))
    return connection


def curl(school, path, body="{}", *more):
    argv = ["curl", "-s", "-S", "--max-time", "20", "--unix-socket", str(school.control), "-w", "\n%{http_code}"]
    done = subprocess.run(
        [*argv, *more, "--data-binary", "@-", f"http://x{path}"],
        input=body,
        text=True,
        capture_output=True,
        check=False,
    )
    answer, _, status = done.stdout.rpartition("\n")
    return int(status), [json.loads(line) for line in answer.splitlines()]


def answered(connection):
    """Status and body of what comes on a raw connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.read().decode()


def test_only_administrators_can_open_it(school):
    assert stat.S_IMODE(os.stat(school.control).st_mode) & 0o007 == 0


def test_an_answer_is_lines_of_json(school):
    status, lines = curl(school, "/v1/users.list", '{"role": "teacher"}')
    assert status == 200
    assert [user["login"] for user in lines[-1]["result"]["users"]] == ["anna.lehmann"]


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "words"),
    [
        ("/v1/users.explode", "{}", 404, "unknown-verb", "users.explode"),
        ("/v2/status", "{}", 404, "unknown-verb", "POST /v1/"),
        ("/", "{}", 404, "unknown-verb", "POST /v1/"),
        ("/v1/users.show", "{}", 400, "wrong-arguments", "'login' is missing"),
        ("/v1/users.show", '{"login": 3}', 400, "wrong-arguments", "'login' must be a text"),
        (
            "/v1/users.lock",
            '{"login": "x", "reason": "y", "untill": ""}',
            400,
            "wrong-arguments",
            "'untill' is unknown",
        ),
        (
            "/v1/users.lock",
            '{"login": "fred.mustermann", "reason": "y", "service": "wlan"}',
            400,
            "wrong-arguments",
            "'service' must be one of mail, files, web",
        ),
        ("/v1/status", "[]", 400, "wrong-arguments", "not a JSON object"),
        ("/v1/status", "{", 400, "wrong-arguments", "not JSON"),
        ("/v1/status", "[" * 100_000, 400, "wrong-arguments", "not JSON"),
        (
            "/v1/status",
            '{"a": "\ud800"}'.encode("utf-8", "surrogatepass").decode("latin-1"),
            400,
            "wrong-arguments",
            "",
        ),
        ("/v1/users.show", '{"login": "fred.musterman"}', 409, "unknown-account", "near: fred.mustermann"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_done(school, path, body, status, kind, words):
    found, lines = curl(school, path, body)
    assert found == status
    assert lines[-1]["error"]["kind"] == kind
    assert words in lines[-1]["error"]["text"]


def test_another_method_is_refused(school):
    connection = connect(school)
    connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
    status, body = answered(connection)
    connection.close()
    assert (status, json.loads(body)["error"]["kind"]) == (405, "wrong-method")


def test_a_body_over_the_limit_is_refused_before_it_is_sent(school):
    connection = connect(school)
    connection.sendall(f"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: {MIB + 1}\r\n\r\n".encode())
    status, body = answered(connection)
    connection.close()
    assert status == 413
    assert json.loads(body)["error"] == {"kind": "too-large", "text": "a request has at most 1048576 bytes"}


def test_a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit(school):
    connection = connect(school)
    connection.sendall(b"POST /v1/status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(17):
        connection.sendall(chunk)
    status, body = answered(connection)
    assert (status, json.loads(body)["error"]["kind"]) == (413, "too-large")
    connection.close()


def test_who_goes_on_sending_is_cut_off_and_costs_no_memory(school):
    worker = school.worker("supervisor")

    def resident():
        return int(open(f"/proc/{worker}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    connection = connect(school)
    connection.sendall(b"POST /v1/status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100_000):
            connection.sendall(chunk)
    connection.close()
    assert resident() - before < 16 * MIB


def test_a_body_just_within_the_limit_is_read(school):
    status, lines = curl(school, "/v1/status", "{" + " " * (MIB - 2) + "}", "-H", "Expect:")
    assert status == 200
    assert "healthy" in lines[-1]["result"]


def test_a_large_body_with_expect_is_refused_without_being_sent(school):
    status, lines = curl(school, "/v1/status", " " * (2 * MIB), "-H", "Expect: 100-continue")
    assert status == 413
    assert lines[-1]["error"]["kind"] == "too-large"


def test_the_client_reads_a_refusal_though_it_was_still_sending(school):
    with pytest.raises(ServerRefused) as caught:
        ControlClient(school.control).call("users.show", {"login": "x" * (8 * MIB)})
    assert caught.value.kind == "too-large"


def test_many_ask_at_once_on_one_connection_and_on_many(school):
    connection = http.client.HTTPConnection("x")
    connection.sock = connect(school)
    for _ in range(3):
        connection.request("POST", "/v1/users.list", "{}")
        assert b'"result"' in connection.getresponse().read()
    connection.close()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(school.call("users.list"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20


def test_half_a_request_and_a_client_that_leaves_disturb_nobody(school):
    half = connect(school)
    half.sendall(b"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    left = connect(school)
    left.sendall(b"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    left.close()
    assert "healthy" in school.call("status")
    half.close()


def test_no_server_is_said(tmp_path, school):
    with pytest.raises(ServerUnreachable, match=r"nowhere\.sock"):
        ControlClient(tmp_path / "nowhere.sock").call("status")
    listener = socket.socket(socket.AF_UNIX)
    silent = school.folder / "silent.sock"
    listener.bind(str(silent))
    listener.listen(1)
    with pytest.raises(ServerUnreachable, match=r"says nothing for 0.2 s"):
        ControlClient(silent, 0.2).call("status")
    listener.close()


def test_a_stranger_is_refused_even_if_he_reaches_the_socket(school):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = (
        "import os, sys, socket\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "os.chdir(sys.argv[1])\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "s.connect('control.sock')\n"
        "s.sendall(b'POST /v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
        "print(s.makefile().read())\n"
    )
    folder = school.control.parent
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, school.control)}
    try:
        for path in modes:
            path.chmod(0o777)
        done = subprocess.run(
            ["/usr/bin/python3", "-c", script, str(folder)], capture_output=True, text=True, check=True
        )
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert "HTTP/1.1 403" in done.stdout
    assert "for administrators of this server" in done.stdout
