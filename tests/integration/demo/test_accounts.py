"""The carer looks at accounts: ``users list``, ``users show``, ``explain``, ``why``."""

import re

from tests.integration.demo.clients import Clients, refusal_code
from tests.integration.demo.running import Account, RunningDemo


def test_list_of_a_class(demo: RunningDemo, clients: Clients) -> None:
    """Issue 2, item 9: one whole line per account, also in a pipe."""
    ran = clients.run("users", "list", "--group", "klasse3a")
    members = {login for login, account in demo.accounts.items() if "klasse3a" in account.groups}
    assert ran.returncode == 0
    assert {line.split()[0] for line in ran.stdout.splitlines()[1:]} == members
    assert f"{len(members)} accounts" in ran.stderr


def test_list_of_a_role_of_nobody_and_of_all(demo: RunningDemo, clients: Clients) -> None:
    """The hidden account of the probes is in no list."""
    teachers = clients.done("users", "list", "--role", "teacher")
    assert len(teachers.splitlines()) == 1 + sum(one.role == "teacher" for one in demo.accounts.values())
    assert "probe" not in clients.done("users", "list")
    unknown = clients.run("users", "list", "--group", "klasse9z")
    assert unknown.returncode == 1
    assert "klasse9z" in unknown.stderr


def test_show_says_all_about_one(fred: Account, clients: Clients) -> None:
    """Groups, what is open and why not, consents with text and date (K23), locks; never a password."""
    shown = clients.done("users", "show", fred.login)
    for part in ("fred.mustermann@schule.example", "pupil", "klasse3a", "mail: open", "account (text", "locks: none"):
        assert part in shown
    assert fred.password not in shown
    assert "1001" in shown
    unknown = clients.run("users", "show", "nobody.atall")
    assert unknown.returncode == 1
    assert "nobody.atall" in unknown.stderr


def test_explain_prints_decision_and_deciding_line(fred: Account, clients: Clients) -> None:
    """Issue 2, item 7, word for word."""
    said = clients.done(
        "explain", fred.login, "web", "https://example.org/", "--at", "2026-11-23 09:30", "--room", "12"
    )  # fmt: skip
    assert said.startswith("ALLOWED")
    decided = re.search(r"^Decided by:\s+(\S.*): (\S.*)$", said, re.MULTILINE)
    assert decided, said
    assert "access.yaml" in decided[1]
    assert "upload 20,000,000 bytes" in said


def test_explain_finds_the_room_of_an_address(fred: Account, clients: Clients) -> None:
    """Rooms are networks (network.yaml); an unknown room or a bad time names what is allowed."""
    assert clients.done("explain", fred.login, "web", "--address", "10.1.12.77").startswith("ALLOWED")
    for wrong, named in ((["--room", "99"], "12"), (["--at", "soon"], "2026-12-18"), (["--address", "x"], "IP")):
        ran = clients.run("explain", fred.login, "web", *wrong)
        assert ran.returncode == 1
        assert named in ran.stderr


def test_explain_of_a_stranger_is_a_no(clients: Clients) -> None:
    """decide() is total: an unknown account is denied, with a rule."""
    said = clients.done("explain", "nobody.atall", "mail")
    assert said.startswith("DENIED")
    assert "Decided by:" in said


def test_why_leads_from_a_code_to_the_rule(fred: Account, clients: Clients) -> None:
    """Issue 2, item 11: the user reads a short code, the carer finds rule and reason, and no person."""
    with clients.smtp(fred) as client:
        client.mail(fred.address)
        code, text = client.rcpt("somebody@example.org")
    assert code == 550
    said = clients.done("why", refusal_code(text.decode()))
    assert "Service: mail" in said
    assert re.search(r"^Rule: +\S", said, re.MULTILINE)
    assert re.search(r"^Where: +\S", said, re.MULTILINE)
    assert fred.login not in said
    assert "example.org" not in said


def test_why_takes_what_people_read_out_and_knows_what_it_does_not_know(fred: Account, clients: Clients) -> None:
    """A code typed small and without its dash is the same code; one that was never given is said to be so."""
    with clients.smtp(fred) as client:
        client.mail(fred.address)
        code = refusal_code(client.rcpt("somebody@example.org")[1].decode())
    assert clients.done("why", code.lower().replace("-", "")) == clients.done("why", code)
    for never in ("ZZZZ-ZZZZ", "nonsense!"):
        ran = clients.run("why", never)
        assert ran.returncode == 1
        assert "Traceback" not in ran.stderr
