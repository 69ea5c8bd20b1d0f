"""What a script is promised that starts a demo with ``--ready-file`` (ARCHITECTURE.md, "The demo and its contract")."""

import stat

from tests.integration.demo.clients import Clients
from tests.integration.demo.running import Account, RunningDemo


def test_the_ready_file_has_the_keys_of_the_contract(demo: RunningDemo) -> None:
    """Keys may be added, none renamed; every service listens on a high port of the loopback."""
    assert demo.contract.keys() >= {"domain", "services", "control", "ca", "data", "accounts"}
    assert demo.contract["domain"] == "schule.example"
    assert demo.contract["services"].keys() >= {"submission", "imap", "ldap"}
    for host, port in demo.contract["services"].values():
        assert host == "127.0.0.1"
        assert port > 1024


def test_the_ready_file_is_its_owners_alone(demo: RunningDemo) -> None:
    """It holds passwords (K02)."""
    assert stat.S_IMODE(demo.ready_file.stat().st_mode) == 0o600


def test_about_sixty_people_in_four_classes(demo: RunningDemo) -> None:
    """Issue 2, item 13."""
    accounts = demo.accounts.values()
    assert 55 <= len(accounts) <= 65
    assert {"pupil", "teacher", "staff", "office", "admin"} == {account.role for account in accounts}
    classes = {group for account in accounts for group in account.groups if group.startswith("klasse")}
    assert classes == {"klasse3a", "klasse3b", "klasse4a", "klasse4b"}
    assert demo.accounts["fred.mustermann"].groups == ("klasse3a",)


def test_every_account_signs_in(demo: RunningDemo, clients: Clients) -> None:
    """The passwords are those set by the ordinary change: each opens its account."""
    answers = {login: clients.smtp_answer(account) for login, account in demo.accounts.items()}
    assert [login for login, (code, _text) in answers.items() if code != 235] == []


def test_no_two_accounts_share_a_password(demo: RunningDemo) -> None:
    """K02: nobody can guess somebody else's from his own."""
    assert len({account.password for account in demo.accounts.values()}) == len(demo.accounts)


def test_it_proved_itself_and_says_what_to_try(demo: RunningDemo) -> None:
    """Issue 2, item 13: a table of real exchanges, then commands to copy."""
    assert "FAILED" not in demo.said
    assert demo.said.count("passed") >= 5
    for command in ("swaks", "curl", "appliance status", "appliance explain", "users lock"):
        assert command in demo.said


def test_status_is_well(clients: Clients) -> None:
    """Issue 2, item 8: a table and exit code 0; with ``--json`` the same for scripts."""
    table = clients.run("status")
    assert table.returncode == 0, table.stdout
    assert "probe mail" in table.stdout
    assert "BAD" not in table.stdout
    answer = clients.status()
    assert answer["healthy"] is True
    assert {unit["name"] for unit in answer["units"]} >= {
        "audit", "privileged", "directory", "auth", "supervisor", "mail", "imap",
    }  # fmt: skip
    assert all(unit["ok"] and unit["pid"] for unit in answer["units"])
    assert all(probe["ok"] for probe in answer["probes"])


def test_status_speaks_of_no_person(demo: RunningDemo, clients: Clients) -> None:
    """K16: what an administrator looks at every morning names nobody."""
    said = clients.run("status", "--json").stdout + clients.run("status").stdout
    assert not [login for login in demo.accounts if login in said]


def test_without_a_server_a_command_says_so(clients: Clients, demo: RunningDemo) -> None:
    """STYLE.md, rule 5: the carer is told which socket did not answer and what to look at."""
    ran = clients.run("status", cwd="/")
    assert ran.returncode == 0
    before = demo.contract["control"]
    demo.contract["control"] = "/nonexistent/control.sock"
    try:
        ran = clients.run("users", "list")
    finally:
        demo.contract["control"] = before
    assert ran.returncode == 1
    assert "/nonexistent/control.sock" in ran.stderr
    assert "SCHOOLSERVER_CONTROL" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_directory_is_there_for_everybody_who_may_bind(fred: Account, demo: RunningDemo, clients: Clients) -> None:
    """The loopback port of LDAP answers with who is who (ARCHITECTURE.md); without a password it tells nothing."""
    host, port = demo.service("ldap")
    name = f"uid={fred.login},ou=people,dc=schule,dc=example"
    url = f"ldap://{host}:{port}/{name}?mail"
    stranger = clients.curl(url)
    assert fred.address not in stranger.stdout
    known = clients.curl("--user", f"{name}:{fred.password}", url)
    assert fred.address in known.stdout, known.stderr
