"""The service as a process: whom it needs, what a reload changes, how it ends and comes back."""

import os
import signal
import socket
import ssl
from pathlib import Path

import psutil
import pytest

from appliance.daemon.authority import issue
from tests.integration.autoconfig.school import a_school
from tests.integration.autoconfig.test_hostile import GET, POST, connect, said, status
from tests.integration.demo.waiting import eventually
from tests.integration.support_place import AS_ROOT, DOMAIN


@pytest.fixture
def fresh():
    """A school of its own, for tests that change it."""
    with a_school() as made:
        made.daemon.start()
        yield made


def reload(school) -> None:
    assert school.daemon.process is not None
    school.daemon.process.send_signal(signal.SIGHUP)


def shown(school) -> bytes:
    """The certificate that a new connection sees."""
    with connect(school) as link:
        found = link.getpeercert(binary_form=True)
    assert found is not None
    return found


def test_it_holds_nothing_that_it_does_not_need(school):
    (worker,) = school.daemon.children()
    process = psutil.Process(worker)
    listening = {(one.laddr.port, one.status) for one in process.connections("inet") if one.status == "LISTEN"}
    assert listening == {(port, "LISTEN") for port in school.ports.values()}
    assert not [one.raddr for one in process.connections("unix") if one.raddr]
    if AS_ROOT:
        assert process.uids().real == school.owner.uid != 0
        assert process.gids().real == school.owner.gid
        assert Path(f"/proc/{worker}/status").read_text().partition("Groups:")[2].splitlines()[0].split() == []


def test_a_reload_takes_the_new_certificate_and_the_new_settings(fresh):
    before = shown(fresh)
    assert b"Grundschule" in said(fresh, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    fresh.write(school=f"name: Parkschule\ndomain: {DOMAIN}\n")
    fresh.certify(f"autoconfig.{DOMAIN}")
    reload(fresh)
    eventually(lambda: shown(fresh) != before)
    eventually(lambda: b"Parkschule" in said(fresh, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))


def test_other_ports_are_told_when_they_are_served(fresh):
    """A port counts from the next start (``held``), so a reload alone tells of none that nobody listens on."""
    listen = "".join(f"  {name}: 127.0.0.1:{port}\n" for name, port in {**fresh.ports, "imaps": 9993}.items())
    fresh.write(school=f"name: Parkschule\ndomain: {DOMAIN}\n", network=f"listen:\n{listen}")
    reload(fresh)
    eventually(lambda: b"Parkschule" in said(fresh, GET + b"\r\n"))
    assert b"<port>993</port>" in said(fresh, GET + b"\r\n")
    fresh.daemon.stop()
    fresh.daemon.start()
    assert b"<port>9993</port>" in said(fresh, GET + b"\r\n")


def test_a_pair_that_cannot_be_used_changes_nothing(fresh):
    before = shown(fresh)
    pair = fresh.state / "autoconfig" / "tls" / "pair.pem"
    pair.chmod(0o600)
    pair.write_bytes(b"nothing")
    fresh.write(school=f"name: Parkschule\ndomain: {DOMAIN}\n")
    reload(fresh)
    eventually(lambda: "stay as they were" in fresh.log.read_text())
    assert shown(fresh) == before
    assert b"Grundschule" in said(fresh, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_profile_is_signed_by_the_certificate_of_now(fresh):
    request = b"GET /mail.mobileconfig HTTP/1.1\r\nHost: x\r\n\r\n"
    issue(fresh.authority, fresh.folder / "other", [f"autoconfig.{DOMAIN}"])
    fresh.certify(f"autoconfig.{DOMAIN}")
    reload(fresh)

    def carries() -> bool:
        return shown(fresh) in said(fresh, request)

    eventually(carries)


def test_a_worker_that_is_killed_comes_back_and_no_connection_is_refused(fresh):
    (worker,) = fresh.daemon.children()
    os.kill(worker, signal.SIGKILL)
    assert status(said(fresh, GET + b"\r\n")) == b"200"
    (again,) = fresh.daemon.children()
    assert again != worker


def test_a_request_that_is_under_way_is_answered_at_the_end(fresh):
    with connect(fresh) as link, connect(fresh, "http") as idle:
        link.sendall(POST + b"Content-Length: 4\r\n\r\n<a")
        assert link.version() is not None
        fresh.daemon.process.send_signal(signal.SIGTERM)
        link.sendall(b"/>")
        assert link.recv(100).startswith(b"HTTP/1.1 200")
        assert idle.recv(1) == b""
    assert fresh.daemon.process.wait(10) == 0


def test_without_one_of_its_ports_it_answers_at_the_other(fresh):
    fresh.daemon.stop()
    before = len(fresh.log.read_text())
    lacking = fresh.listening("https")
    lacking.start()
    try:
        assert status(said(fresh, GET + b"\r\n")) == b"200"
    finally:
        lacking.stop()
        fresh.daemon.start()
    told = fresh.log.read_text()[before:]
    assert told.count("nothing listens for http: ") == 1 and "schoolserver-autoconfig.socket" in told


def test_only_the_names_of_mail_programs_are_certified(school):
    context = ssl.create_default_context(cafile=str(school.ca))
    for name in (f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}", DOMAIN, f"mail.{DOMAIN}"):
        with socket.create_connection(("127.0.0.1", school.ports["https"]), 20) as link:
            assert context.wrap_socket(link, server_hostname=name).version() in ("TLSv1.2", "TLSv1.3")
