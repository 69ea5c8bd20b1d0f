"""Closing access: locks, consents, settings; open sessions included, within two seconds (K18, K19, K23)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.demo.clients import Clients, closing, refusal_code, said_until_closed
from tests.integration.demo.running import Account, RunningDemo
from tests.integration.demo.waiting import eventually

AT_ONCE = 2.0


def _lock(clients: Clients, pupil: Account, *argv: str) -> None:
    clients.done("users", "lock", pupil.login, *argv, "--reason", "agreed with the head")


def test_a_lock_ends_open_sessions_and_refuses_new_ones(somebody: Callable[[], Account], clients: Clients) -> None:
    """K18, issue 2, item 12; the reason is the carer's, never the client's."""
    pupil = somebody()
    smtp, imap = clients.smtp(pupil), clients.imap(pupil)
    with closing(smtp, imap):
        _lock(clients, pupil)
        assert said_until_closed(smtp.sock, AT_ONCE).startswith(b"421 4.7.0")
        said_until_closed(imap.sock, AT_ONCE)
    code, text = clients.smtp_answer(pupil)
    assert (code, text[:6]) == (535, "5.7.13")
    assert "head" not in text
    assert "lock" in clients.done("why", refusal_code(text)).lower()
    assert "CONTACTADMIN" in clients.imap_answer(pupil)
    shown = clients.done("users", "show", pupil.login)
    assert "state: locked" in shown
    assert "agreed with the head" in shown
    clients.done("users", "unlock", pupil.login)
    eventually(lambda: clients.opens(pupil), AT_ONCE, "open again after the unlock")


def test_a_wrong_password_learns_nothing_of_a_lock(somebody: Callable[[], Account], clients: Clients) -> None:
    """A stranger cannot find out who is locked."""
    pupil = somebody()
    _lock(clients, pupil)
    code, text = clients.smtp_answer(pupil, "Not-his-password-1")
    assert (code, text[:5]) == (535, "5.7.8")
    assert "AUTHENTICATIONFAILED" in clients.imap_answer(pupil, "Not-his-password-1")
    clients.done("users", "unlock", pupil.login)


def test_one_service_alone_is_locked(somebody: Callable[[], Account], clients: Clients) -> None:
    """K18: mail is denied while the rest works; lifting it needs the service, too."""
    pupil = somebody()
    _lock(clients, pupil, "--service", "mail")
    eventually(lambda: clients.smtp_answer(pupil)[0] == 535, AT_ONCE, "mail is closed")
    assert "locked: mail" in clients.done("users", "list", "--group", pupil.groups[-1])
    assert clients.done("explain", pupil.login, "mail").startswith("DENIED")
    assert clients.done("explain", pupil.login, "web").startswith("ALLOWED")
    assert clients.run("users", "unlock", pupil.login).returncode == 1
    clients.done("users", "unlock", pupil.login, "--service", "mail")
    eventually(lambda: clients.opens(pupil), AT_ONCE, "mail is open again")


def test_a_lock_with_an_end_ends_by_itself(somebody: Callable[[], Account], clients: Clients) -> None:
    """K18: until the minute that was typed, no longer; ``explain`` sees the end coming."""
    pupil = somebody()
    _lock(clients, pupil, "--until", (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert clients.smtp_answer(pupil)[0] == 535
    assert "Valid until: 20" in clients.done("explain", pupil.login, "mail")
    ends = datetime.now(UTC) + timedelta(seconds=4)
    _lock(clients, pupil, "--until", ends.isoformat())
    eventually(lambda: clients.smtp_answer(pupil)[0] == 235, 4 + AT_ONCE, "the lock has ended")
    assert datetime.now(UTC) >= ends
    assert "state: active" in clients.done("users", "show", pupil.login)


def test_an_end_that_has_passed_or_cannot_be_read_is_refused(fred: Account, clients: Clients) -> None:
    """Nothing half done: the account stays open."""
    for until in ("2020-01-01", "next tuesday"):
        ran = clients.run("users", "lock", fred.login, "--until", until, "--reason", "x")
        assert ran.returncode == 1
        assert "until" in ran.stderr
    assert clients.run("users", "lock", "nobody.atall", "--reason", "x").returncode == 1
    assert clients.run("users", "lock", fred.login).returncode == 2
    assert clients.smtp_answer(fred)[0] == 235


def test_a_withdrawn_consent_closes_mail(somebody: Callable[[], Account], clients: Clients) -> None:
    """K23: without consent to the evaluation of logs there is no mail; given again, it opens."""
    pupil = somebody()
    smtp, imap = clients.smtp(pupil), clients.imap(pupil)
    with closing(smtp, imap):
        clients.done("users", "consent", pupil.login, "logs", "--withdraw")
        assert said_until_closed(smtp.sock, AT_ONCE).startswith(b"421 ")
        said_until_closed(imap.sock, AT_ONCE)
    code, text = clients.smtp_answer(pupil)
    assert (code, text[:5]) == (535, "5.7.1")
    assert "consent" in clients.done("explain", pupil.login, "mail")
    clients.done("users", "consent", pupil.login, "logs", "--give", "--version", "2026-08")
    eventually(lambda: clients.opens(pupil), AT_ONCE, "open again")
    assert "2026-08" in clients.done("users", "show", pupil.login)


def test_changed_settings_close_mail_without_a_restart(
    somebody: Callable[[], Account], teacher: Account, demo: RunningDemo, clients: Clients
) -> None:
    """K19: the school opens mail to teachers only; a pupil's session ends, the teacher's goes on."""
    pupil = somebody()
    access = demo.settings_folder / "access.yaml"
    hers, his = clients.smtp(teacher), clients.smtp(pupil)
    with closing(hers, his):
        try:
            access.write_text("modules:\n  mail: [teacher]\n")
            clients.done("reload")
            assert said_until_closed(his.sock, AT_ONCE).startswith(b"421 ")
            assert hers.noop()[0] == 250
            said = clients.done("explain", pupil.login, "mail")
            assert said.startswith("DENIED")
            assert "access.yaml" in said
            eventually(clients.healthy, what="well again")
        finally:
            access.unlink()
            clients.done("reload")
    eventually(lambda: clients.opens(pupil), AT_ONCE, "mail is open again")


def test_broken_settings_are_refused_and_the_old_ones_stay(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 2: every problem at once with file, line, key and the nearest known key; exit code 2."""
    access = demo.settings_folder / "access.yaml"
    access.write_text("modul:\n  mail: all\nmodules:\n  mail: perhaps\n")
    try:
        checked = clients.run("check", "--settings", str(demo.settings_folder))
        assert checked.returncode == 2
        assert "access.yaml:1" in checked.stderr
        assert "access.yaml:4" in checked.stderr
        assert "modules" in checked.stderr
        refused = clients.run("reload")
        assert refused.returncode == 1
        assert "access.yaml:1" in refused.stderr
        assert clients.smtp_answer(fred)[0] == 235
    finally:
        access.unlink()
    assert clients.run("check", "--settings", str(demo.settings_folder)).returncode == 0


@pytest.mark.parametrize("verb", ["lock", "unlock", "consent", "show", "reset-password", "import"])
def test_each_command_has_help_with_an_example(verb: str, clients: Clients) -> None:
    """Issue 2, done when: it tells a carer what it does."""
    said = clients.done("users", verb, "--help")
    assert "Example" in said
