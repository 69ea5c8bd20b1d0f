"""Events through the real socket into real files."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from appliance.audit.client import AuditClient
from appliance.audit.store import Refusals, StoreError, UseLog
from appliance.daemon.request_client import BlockingClient, RequestRefused
from appliance.policy.account import Service
from appliance.policy.decision import Reason, Rule
from appliance.policy.events import Event, Kind
from tests.integration.demo.waiting import eventually

RULE = Rule("access.yaml:31 rules[2]", "mail is closed to pupils in the lesson")


def sign_in(login="fred.mustermann"):
    fields = {"service": "mail", "login": login, "address": None, "outcome": "verified"}
    return Event(Kind.SIGN_IN, datetime.now(UTC), fields)


@pytest.fixture
def running(place):
    place.start("audit")
    return place


@pytest.fixture
def client(running):
    made = AuditClient(running.runtime / "audit" / "audit.sock")
    yield made
    made.close()


@pytest.fixture
def query(running):
    made = BlockingClient(running.runtime / "audit" / "query.sock", 10)
    yield made
    made.close()


def counts_when(query, **wanted):
    return eventually(lambda: (found := query.call("counts")) and wanted.items() <= found.items() and found)


def test_a_refusal_is_found_by_its_code_and_names_nobody(client, query):
    code = client.refuse(Service.MAIL, Reason.NOT_OPEN, RULE)
    counts_when(query, written=1)
    spoken = code.lower().replace("-", " ")
    for text in (code, spoken):
        answer = query.call("why", code=text)
        assert datetime.now(UTC) - datetime.fromisoformat(answer.pop("time")) < timedelta(minutes=1)
        assert answer == {"service": "mail", "reason": "not-open", "source": RULE.source, "text": RULE.text}


def test_a_code_is_good_at_once_also_of_a_refusal_that_follows_others(client, query):
    for _ in range(50):
        client.record(sign_in())
        code = client.refuse(Service.MAIL, Reason.NOT_OPEN, RULE)
        assert query.call("why", code=code)["reason"] == "not-open"


@pytest.mark.parametrize(("code", "kind"), [("7KQF-2MXA", "unknown-code"), ("no code", "bad-code"), ("", "bad-code")])
def test_other_codes(query, code, kind):
    with pytest.raises(RequestRefused) as caught:
        query.call("why", code=code)
    assert caught.value.kind == kind


def test_use_is_written_as_lines_that_only_its_user_reads(client, query, running):
    # Fewer at a time than the socket holds: a sender never waits, so on a busy machine more would be dropped.
    for sent in range(50, 301, 50):
        for number in range(sent - 50, sent):
            client.record(sign_in(f"pupil{number}"))
        counts_when(query, written=sent, waiting=0, dropped=0)
    path = running.state / "audit" / "use.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["login"] for line in lines] == [f"pupil{number}" for number in range(300)]
    assert client.dropped == 0


def test_junk_is_counted_and_not_logged(client, query, running):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sender:
        sender.connect(str(running.runtime / "audit" / "audit.sock"))
        for data in (b"junk", b"{}", b"[]", b'{"kind":"sign-in"}', b"\xff" * 100, b"x" * 100_000):
            sender.send(data)
        client.record(sign_in())
        counts_when(query, received=7, junk=6, written=1)
    assert running.logs()["audit"] == ""


def test_events_sent_while_it_is_restarted_arrive(client, query, running):
    client.record(sign_in("before"))
    counts_when(query, written=1)
    pid = running.pid("audit")
    family = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    os.kill(pid, signal.SIGKILL)
    # What the dying worker still takes from its connection is lost with it: it has to be gone as well.
    eventually(lambda: not any(os.path.exists(f"/proc/{one}") for one in family))
    for number in range(50):
        client.record(sign_in(f"during{number}"))
    eventually(lambda: _written(running) >= 51)
    assert client.dropped == 0


def _written(running):
    return len((running.state / "audit" / "use.jsonl").read_text().splitlines())


def test_nobody_listening_is_counted_and_never_waits(tmp_path):
    client = AuditClient(tmp_path / "nothing.sock")
    for _ in range(3):
        client.record(sign_in())
    assert client.refuse(Service.MAIL, Reason.NOT_OPEN, RULE)
    assert client.dropped == 4


def test_a_process_that_does_not_read_costs_events_and_no_time(client, query, running):
    client.record(sign_in())
    counts_when(query, written=1)
    group = running.pid("audit")
    os.killpg(group, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for _ in range(5000):
            client.record(sign_in())
        assert time.monotonic() - began < 5
        assert 0 < client.dropped < 5000
    finally:
        os.killpg(group, signal.SIGCONT)
    counts_when(query, written=5001 - client.dropped)


def test_an_event_of_no_kind_is_dropped_by_the_client(client):
    client.record(Event(Kind.SIGN_IN, datetime.now(UTC), {"login": "fred"}))
    assert client.dropped == 1


def test_stop_writes_what_was_sent(client, running):
    for number in range(500):
        client.record(sign_in(f"pupil{number}"))
    running.stop()
    assert _written(running) == 500 - client.dropped


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_told_and_recovered_from(place):
    folder = place.state / "audit"
    folder.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "none", str(folder)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode != 0:
        pytest.skip("may not mount")
    try:
        place.start("audit")
        client = AuditClient(place.runtime / "audit" / "audit.sock")
        query = BlockingClient(place.runtime / "audit" / "query.sock", 10)
        ballast = folder / "ballast"
        free = os.statvfs(folder).f_bavail * 4096
        with ballast.open("wb") as file:
            file.write(b"x" * (free - 4096))
        for _ in range(200):
            client.record(sign_in())
        eventually(lambda: "cannot write: No space left on device" in place.states()["audit"].status)
        counts = query.call("counts")
        assert counts["waiting"] > 0
        ballast.unlink()
        counts_when(query, waiting=0, dropped=0, written=200)
        lines = (folder / "use.jsonl").read_text().splitlines()
        assert [json.loads(line)["kind"] for line in lines] == ["sign-in"] * 200
        client.close()
        query.close()
    finally:
        place.stop()
        subprocess.run(["umount", str(folder)], check=True)


def test_refusals_are_forgotten_after_a_day(tmp_path):
    path = tmp_path / "refusals.db"
    store = Refusals(path)
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    fields = {"code": "7KQF-2MXA", "service": "mail", "reason": "not-open", "source": "here", "text": "a telling text"}
    store.write([Event(Kind.REFUSED, now, fields)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.find("7KQF-2MXA", now + timedelta(hours=24)).text == "a telling text"
    assert store.find("7KQF-2MXA", now + timedelta(hours=24, seconds=1)) is None
    store.forget(now + timedelta(hours=24, seconds=1))
    assert b"a telling text" not in path.read_bytes()
    store.close()


def test_of_too_many_refusals_the_oldest_go(tmp_path):
    store = Refusals(tmp_path / "refusals.db", most=3)
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def refused(number):
        fields = {"code": f"7KQF-2MX{number}", "service": "mail", "reason": "not-open", "source": "here", "text": "t"}
        return Event(Kind.REFUSED, now + timedelta(seconds=number), fields)

    store.write([refused(number) for number in (4, 2, 3)])
    store.write([refused(number) for number in (6, 5)])
    kept = [number for number in range(2, 7) if store.find(f"7KQF-2MX{number}", now)]
    assert kept == [4, 5, 6]
    store.close()


def test_a_batch_that_fails_leaves_nothing(tmp_path):
    path = tmp_path / "use.jsonl"
    log = UseLog(path)
    log.write([sign_in()])
    before = path.read_bytes()
    limit = len(before) + 1000
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(StoreError):
            log.write([sign_in()] * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    log.close()


def test_refusals_that_cannot_be_written_are_an_error_of_the_store(tmp_path):
    store = Refusals(tmp_path / "refusals.db")
    other = sqlite3.connect(tmp_path / "refusals.db", isolation_level=None)
    other.execute("DROP TABLE refusal")
    other.close()
    with pytest.raises(StoreError):
        store.find("7KQF-2MXA", datetime.now(UTC))
    with pytest.raises(StoreError):
        store.forget(datetime.now(UTC))
    store.close()
