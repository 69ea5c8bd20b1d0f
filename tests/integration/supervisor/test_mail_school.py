"""A whole school with mail and Dovecot: probes that move bytes, sessions that end, status that turns red."""

import contextlib
import imaplib
import os
import signal
import smtplib
import socket
import sqlite3
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from appliance.auth.client import Answer
from appliance.auth.envelope import Keys
from appliance.daemon.secret import Secret
from appliance.supervisor.client import ServerUnreachable
from appliance.supervisor.probe import IN_A_ROW, ProbeFailed, Visitor
from appliance.supervisor.probe_mail import probe_mail
from tests.integration.supervisor.test_probe_mail import saying
from tests.integration.support_school import ACCOUNTS, QUICK, running

PASSWORD = "Neues-Kennwort-7!"
WITH_MAIL = (*ACCOUNTS, "mail", "imap")
SETTINGS = {**QUICK, "access": {"modules": {"files": "off", "web": "off"}}}  # a closed module is not probed


@pytest.fixture(scope="module")
def school():
    with running(SETTINGS, WITH_MAIL) as made:
        for login, password in made.take_in()[1].items():
            assert made.change_password(login, password, PASSWORD)["answer"] == "changed"
        yield made


def kicks(school):
    """The sessions that must still end."""
    with contextlib.closing(sqlite3.connect(school.folder / "state" / "supervisor" / "state.db")) as database:
        return database.execute("SELECT login, service FROM kick").fetchall()


def trusting(school):
    context = ssl.create_default_context(cafile=school.folder / "state" / "authority" / "ca.pem")
    context.check_hostname = False
    return context


def imap(school, login, password=PASSWORD, at_once=False):
    """A session with its inbox open; ``at_once``: over TLS from the first byte."""
    address = school.settings.network.listen["imaps" if at_once else "imap"]
    if at_once:
        client = imaplib.IMAP4_SSL(address.host, address.port, ssl_context=trusting(school), timeout=10)
    else:
        client = imaplib.IMAP4(address.host, address.port, timeout=10)
        client.starttls(trusting(school))
    try:
        client.login(login, password)
    except imaplib.IMAP4.error:
        client.shutdown()
        raise
    client.select("INBOX")
    return client


def ended(client, within):
    """Seconds until the server ends the session; no command is sent."""
    begun = time.monotonic()
    client.sock.settimeout(within)
    try:
        while client.sock.recv(4096):
            pass
    except TimeoutError:
        raise AssertionError(f"the session is still open after {within} s") from None
    except OSError:
        pass
    seconds = time.monotonic() - begun
    client.shutdown()
    return seconds


def healthy(school):
    status = school.call("status")
    return status if status["healthy"] else None


def test_a_whole_school_gets_well_by_itself(school):
    status = school.when(lambda: healthy(school))
    probe = next(one for one in status["probes"] if one["name"] == "mail")
    assert probe["ok"]
    assert probe["age"] < 3
    assert {unit["name"] for unit in status["units"]} == set(WITH_MAIL)
    assert status["summary"] == "well; 7 units, 3 accounts"


def test_probes_leave_no_mail_and_no_name_behind(school):
    school.when(lambda: healthy(school))
    boxes = school.folder / "data" / "mail" / "schoolserver-probe"
    mails = [path for folder in ("new", "cur") for path in (boxes / folder).glob("*")]
    assert len(mails) <= 1
    assert not any("schoolserver-probe" in path.read_text() for path in school.folder.glob("state/log/*.log"))
    logins = [user["login"] for user in school.call("users.list")["users"]]
    assert "schoolserver-probe" not in logins


@pytest.mark.parametrize("how", ["lock", "lock mail", "withdrawn", "reset"])
def test_open_sessions_end_within_two_seconds(school, how):
    login, other = "fred.mustermann", "anna.lehmann"
    school.when(lambda: school.sign_in(login, PASSWORD).answer is Answer.VERIFIED)
    client, safe, untouched = imap(school, login), imap(school, login, at_once=True), imap(school, other)
    begun = time.monotonic()
    keys = Keys.generate()
    if how == "withdrawn":
        school.call("users.consent", login=login, consent="logs", give=False)
    elif how == "reset":
        sealed = school.call("users.reset-password", login=login, recipient=keys.public)["sealed"]
    else:
        service = {"service": "mail"} if how == "lock mail" else {}
        school.call("users.lock", login=login, reason="test", **service)
    for one in (client, safe):
        ended(one, 3.0)
    took = time.monotonic() - begun
    print(f"\nsessions ended {took:.2f} s after: {how}")
    assert took < 2.0
    with pytest.raises(imaplib.IMAP4.error):
        imap(school, login)
    assert untouched.noop()[0] == "OK"
    untouched.logout()
    if how == "withdrawn":
        school.call("users.consent", login=login, consent="logs", give=True, version="2026-08")
    elif how == "reset":
        (given,) = keys.open(sealed)
        assert school.change_password(login, given["password"], PASSWORD)["answer"] == "changed"
    else:
        school.call("users.unlock", login=login, **service)
    imap(school, login).logout()


def test_a_changed_password_ends_sessions_opened_with_the_old_one(school):
    client = imap(school, "juergen.gross")
    # The directory keeps the second in which a password was changed (RFC draft behera, pwdChangedTime).
    stamp = school.published("supervisor").accounts["juergen.gross"].password_changed_at
    school.when(lambda: datetime.now(UTC) >= stamp + timedelta(seconds=1))
    assert school.change_password("juergen.gross", PASSWORD, "Anderes-Kennwort-8!")["answer"] == "changed"
    ended(client, 3.0)
    imap(school, "juergen.gross", "Anderes-Kennwort-8!").logout()


def test_a_quota_that_shrinks_ends_sessions_and_the_next_keep_to_it(school):
    """IMAP asks for quota and limit once, when somebody signs in (K11, K12)."""
    login, message = "fred.mustermann", b"Subject: x\r\n\r\n" + b"x" * 70_000 + b"\r\n"
    client, untouched = imap(school, login), imap(school, "anna.lehmann")
    assert client.append("INBOX", None, None, message)[0] == "OK"
    used = school.call("quota.show", login=login)["used"]
    begun = time.monotonic()
    school.call("quota.set", login=login, size=f"{used // 1000 + 5} kB", reason="test")
    ended(client, 3.0)
    assert time.monotonic() - begun < 2.0
    school.when(lambda: not kicks(school))  # who signs in right after the first round is ended by the second
    again = imap(school, login)
    assert again.append("INBOX", None, None, message)[0] == "NO"
    assert untouched.noop()[0] == "OK"
    untouched.logout()
    school.call("quota.reset", login=login, reason="test")
    school.when_published("auth", lambda found: found.accounts[login].quota > used + 100_000)
    assert again.noop()[0] == "OK", "who may have more stays"
    again.logout()


@pytest.mark.parametrize("victim", ["mail", "auth"])
def test_a_stopped_worker_turns_status_red_and_comes_back(school, victim):
    school.when(lambda: healthy(school))
    worker = school.worker(victim)
    begun = time.monotonic()
    os.kill(worker, signal.SIGSTOP)
    try:
        school.when(lambda: not healthy(school))
        print(f"\nred {time.monotonic() - begun:.1f} s after a stopped worker of {victim}")
        school.when(lambda: healthy(school))
        print(f"well again after {time.monotonic() - begun:.1f} s")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


def test_an_engine_that_hangs_is_restarted_when_its_probe_fails_three_times(school):
    school.when(lambda: healthy(school))
    first = psutil.Process(school.pid("imap"))
    hanging = [first, *first.children(recursive=True)]
    begun = time.monotonic()
    for process in hanging:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    school.when(lambda: not healthy(school))
    school.when(lambda: school.pid("imap") not in (None, first.pid))
    school.when(lambda: healthy(school))
    print(f"\nwell again {time.monotonic() - begun:.1f} s after Dovecot hung")
    school.when(lambda: not any(map(lives, hanging)))


def test_a_unit_that_is_busy_is_red_and_not_restarted(school):
    school.when(lambda: healthy(school))
    address, first = school.settings.network.listen["submission"], school.pid("mail")
    many = 2 * school.settings.mail.connections_per_address

    def found():
        return next(probe for probe in school.call("status")["probes"] if probe["name"] == "mail")

    with contextlib.ExitStack() as crowd:
        for _ in range(many):
            crowd.enter_context(socket.create_connection((address.host, address.port), 10))
        school.when(lambda: found()["failures"] > 2 * IN_A_ROW)
        assert "answered 421" in found()["text"]
        assert school.pid("mail") == first
    school.when(lambda: healthy(school))
    assert school.pid("mail") == first


@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        ([b"* BYE [UNAVAILABLE] too many connections\r\n"], None),
        ([b"* OK here\r\n", b"* BYE too many connections\r\n"], None),
        ([b"* OK [CAPABILITY IMAP4rev1] here\r\n", b"* BYE too many connections\r\n"], None),
        ([b""], "imap"),
        ([b"* OK here\r\n", b""], "imap"),
        ([b"HTTP/1.1 400 Bad Request\r\n"], "imap"),
        ([b"x" * 1_000_100], "imap"),
    ],
)
def test_an_engine_that_says_farewell_is_alive_silence_and_broken_bytes_are_its_fault(school, lines, unit):
    school.when(lambda: healthy(school))
    with saying(*lines) as address:
        listen = {**school.settings.network.listen, "imap": address}
        settings = replace(school.settings, network=replace(school.settings.network, listen=listen))
        ca = school.folder / "state" / "authority" / "ca.pem"
        with pytest.raises(ProbeFailed) as caught:
            probe_mail(Visitor(settings, "anna.lehmann", Secret(PASSWORD), 5.0, ca))
    assert caught.value.unit == unit
    assert caught.value.text.startswith("IMAP: ")


def lives(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_the_supervisors_own_line_says_how_the_school_is(school):
    school.when(lambda: healthy(school))

    def line():
        return school.states()["supervisor"].status

    school.when(lambda: line().startswith("well; 7 units"))


def test_after_the_supervisor_was_killed_mail_goes_on_and_it_gets_well_again(school):
    school.when(lambda: healthy(school))
    os.kill(school.pid("supervisor"), signal.SIGKILL)
    imap(school, "anna.lehmann").logout()
    address = school.settings.network.listen["submission"]
    with smtplib.SMTP(address.host, address.port, timeout=10) as client:
        client.starttls(context=trusting(school))
        client.login("anna.lehmann", PASSWORD)

    def well():
        try:
            return healthy(school)
        except ServerUnreachable:
            return None  # the connection was accepted by the one that was being killed

    school.when(well)
