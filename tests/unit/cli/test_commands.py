"""What the commands ask for, and what their answers look like to the carer."""

import json
from typing import Any

import click
import pytest

from appliance.auth.envelope import Keys, seal

RULE = {"source": "access.yaml:31 rules[2]", "text": "deny web, role pupil"}
EXPLAINED: dict[str, Any] = {"answer": "deny", "reason": "not-open", "rule": RULE, "valid_until": None, "limits": None}


def test_explain_sends_what_was_typed_and_prints_the_deciding_line(server, schoolserver) -> None:
    server.answers["explain"] = {**EXPLAINED, "steps": ["rule 0 does not speak of him"]}
    ran = schoolserver("explain", "fred.mustermann", "web", "https://example.org/", "--at", "2026-11-23 09:30")
    assert server.asked == [
        (
            "explain",
            {"login": "fred.mustermann", "service": "web", "target": "https://example.org/", "at": "2026-11-23 09:30"},
        )
    ]
    assert ran.output.splitlines() == [
        "DENIED (not-open)",
        "Decided by:  access.yaml:31 rules[2]: deny web, role pupil",
        "Valid until: something is changed",
        "  - rule 0 does not speak of him",
    ]


@pytest.mark.parametrize(
    ("answer", "word"), [("allow", "ALLOWED"), ("deny", "DENIED"), ("try-later", "NOT KNOWN AT THE MOMENT")]
)
def test_explain_has_a_word_for_each_of_the_three_answers(answer: str, word: str, server, schoolserver) -> None:
    server.answers["explain"] = {**EXPLAINED, "answer": answer, "limits": {"upload": 20_000_000, "download": 5}}
    ran = schoolserver("explain", "fred.mustermann", "web")
    assert ran.output.startswith(word)
    assert "upload 20,000,000 bytes" in ran.output


@pytest.mark.parametrize(("way", "said"), [("SMB", "download 5 bytes (not over SMB)"), (None, "download 5 bytes")])
def test_explain_says_where_the_limit_of_downloads_does_not_hold(way, said: str, server, schoolserver) -> None:
    limits = {"upload": 20_000_000, "download": 5, "download_unlimited_over": way}
    server.answers["explain"] = {**EXPLAINED, "answer": "allow", "limits": limits}
    ran = schoolserver("explain", "fred.mustermann", "files")
    assert f"Limits:      upload 20,000,000 bytes, {said}" in ran.output.splitlines()


@pytest.mark.parametrize("given", [("klasse3a",), ("--target", "klasse3a")])
def test_a_letter_is_explained_by_its_address(given: tuple[str, ...], server, schoolserver) -> None:
    server.answers["explain"] = {**EXPLAINED, "answer": "allow"}
    schoolserver("explain", "fred.mustermann", "mail", *given)
    assert server.asked == [("explain", {"login": "fred.mustermann", "service": "mail", "target": "klasse3a"})]


def test_explain_says_what_would_have_to_change(server, schoolserver) -> None:
    server.answers["explain"] = {**EXPLAINED, "steps": [], "changes": ["this would have to change", "that would"]}
    ran = schoolserver("explain", "fred.mustermann", "web", "example.org", "--device", "10.1.40.7")
    assert server.asked == [
        ("explain", {"login": "fred.mustermann", "service": "web", "target": "example.org", "device": "10.1.40.7"})
    ]
    assert ran.output.splitlines()[-2:] == ["To change it: this would have to change", "         or: that would"]


@pytest.mark.parametrize("given", [("files", "--device", "10.1.1.1"), ("web", "--device", "a", "--address", "b")])
def test_a_device_is_for_the_web_and_an_address_by_itself(given, server, schoolserver) -> None:
    assert schoolserver("explain", "fred.mustermann", *given).exit_code == 2
    assert server.asked == []


@pytest.mark.parametrize("given", [("mail", "a", "--target", "b"), ("pc", "a")])
def test_a_target_too_many_is_told(given: tuple[str, ...], server, schoolserver) -> None:
    assert schoolserver("explain", "fred.mustermann", *given).exit_code == 2
    assert server.asked == []


@pytest.mark.parametrize("where", [("--room", "12"), ("--address", "10.1.12.7")])
def test_log_on_is_explained_for_all_rooms_alike(where, server, schoolserver) -> None:
    ran = schoolserver("explain", "fred.mustermann", "pc", *where)
    assert ran.exit_code == 2
    assert "open or closed at all PCs alike" in ran.output
    assert server.asked == []


def test_lock_passes_on_end_service_and_reason(server, schoolserver) -> None:
    server.answers["users.lock"] = {}
    ran = schoolserver(
        "users", "lock", "fred.mustermann", "--service", "mail", "--until", "2026-12-18", "--reason", "joke mails"
    )  # fmt: skip
    given = {"login": "fred.mustermann", "until": "2026-12-18", "service": "mail", "reason": "joke mails"}
    assert server.asked == [("users.lock", given)]
    assert "fred.mustermann" in ran.output
    assert "2026-12-18" in ran.output


@pytest.mark.parametrize("verb", ["lock", "unlock"])
def test_what_pcs_do_not_go_by_yet_is_told(verb: str, server, schoolserver) -> None:
    server.answers[f"users.{verb}"] = {"note": "PCs do not go by it yet"}
    more = ("--reason", "switched PCs off") if verb == "lock" else ()
    ran = schoolserver("users", verb, "fred.mustermann", "--service", "pc", *more)
    assert ran.exit_code == 0
    assert server.asked[0][1]["service"] == "pc"
    assert "Note: PCs do not go by it yet." in ran.output


@pytest.mark.parametrize("argv", [("lock", "fred"), ("consent", "fred", "logs"), ("consent", "fred", "logs", "--give")])
def test_what_is_missing_is_said_before_the_server_is_asked(argv: tuple[str, ...], server, schoolserver) -> None:
    ran = schoolserver("users", *argv)
    assert ran.exit_code == 2
    assert server.asked == []


def test_a_refusal_of_the_server_is_exit_code_one(server, schoolserver) -> None:
    server.answers["users.show"] = click.ClickException("there is no account 'nobody'")
    ran = schoolserver("users", "show", "nobody")
    assert ran.exit_code == 1
    assert "no account 'nobody'" in ran.output


def test_reset_password_opens_what_only_it_can_open(server, schoolserver) -> None:
    """K03: the one-time password travels sealed to the command that shows it."""
    given = {"login": "fred.mustermann", "password": "Kamu-tibo-472"}
    server.answers["users.reset-password"] = lambda asked: {"sealed": seal([given], asked["recipient"])}
    ran = schoolserver("users", "reset-password", "fred.mustermann")
    assert ran.exit_code == 0
    assert "One-time password of fred.mustermann: Kamu-tibo-472" in ran.output
    assert "password" not in server.asked[0][1]


def test_passwd_seals_both_passwords(server, schoolserver) -> None:
    """Neither is to be seen on the way; both arrive, though they come in one piece of standard input."""
    keys, sent = Keys.generate(), []
    server.answers["auth.key"] = {"key": keys.public}
    server.answers["passwd"] = lambda asked: sent.append(asked["envelope"]) or {"answer": "changed", "problems": []}
    ran = schoolserver("passwd", "fred.mustermann", "--stdin", input="Old-one-1\nNeu-und-schön-2\n")
    assert ran.exit_code == 0, ran.output
    assert keys.open(sent[0]) == {"login": "fred.mustermann", "old": "Old-one-1", "new": "Neu-und-schön-2"}
    assert "Old-one-1" not in ran.output + sent[0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"answer": "weak", "problems": ["The password needs a digit.", "It is short."]}, "  - The password needs"),
        ({"answer": "refused", "problems": []}, "old password"),
        ({"answer": "try-later", "problems": []}, "at the moment"),
    ],
)
def test_passwd_says_why_nothing_was_changed(answer: dict[str, Any], said: str, server, schoolserver) -> None:
    server.answers["auth.key"] = {"key": Keys.generate().public}
    server.answers["passwd"] = answer
    ran = schoolserver("passwd", "fred.mustermann", "--stdin", input="a\nb\n")
    assert ran.exit_code == 1
    assert said in ran.output
    assert "nothing was changed" in ran.output


def test_passwd_asks_for_the_new_password_twice(server, schoolserver, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["Old-one-1", "New-one-2", "New-one-3"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    ran = schoolserver("passwd", "fred.mustermann")
    assert ran.exit_code == 1
    assert server.asked == []


@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 1)])
def test_status_has_an_exit_code_for_monitoring(healthy: bool, code: int, server, schoolserver) -> None:
    """Issue 2, item 8; the JSON is the server's answer as it is."""
    unit = {"name": "mail", "ok": healthy, "state": "ready", "memory": 2**20, "restarts": 3, "status": "1 worker(s)"}
    probe = {"name": "mail", "ok": healthy, "age": None, "text": "not yet"}
    check = {"name": "directory", "ok": True, "text": "answers"}
    answer = {"healthy": healthy, "summary": "so so", "units": [unit], "probes": [probe], "checks": [check]}
    server.answers["status"] = answer
    table, as_json = schoolserver("status"), schoolserver("status", "--json")
    assert (table.exit_code, as_json.exit_code) == (code, code)
    assert json.loads(as_json.output) == answer
    for part in ("mail", "probe mail", "not yet run", "directory", "so so"):
        assert part in table.output
    assert ("BAD" in table.output) is not healthy


def test_list_writes_whole_lines_into_a_pipe(server, schoolserver) -> None:
    groups = [f"kurs{number}" for number in range(12)]
    user = {"login": "fred.mustermann", "name": "Fred", "role": "pupil", "groups": groups, "state": "active"}
    server.answers["users.list"] = {"users": [user]}
    ran = schoolserver("users", "list", "--role", "pupil")
    assert any("fred.mustermann" in line and "kurs11" in line and "active" in line for line in ran.output.splitlines())


def test_why_prints_rule_and_place(server, schoolserver) -> None:
    server.answers["why"] = {
        "service": "mail", "time": "2026-11-21 03:40", "reason": "outside", "source": "x.yaml:3", "text": "in",
    }  # fmt: skip
    ran = schoolserver("why", "7kqf2mxa")
    assert server.asked == [("why", {"code": "7kqf2mxa"})]
    assert ran.output.splitlines()[-1].endswith("x.yaml:3")


def test_tidying_names_what_could_not_be_made_here_and_not_in_status(server, schoolserver) -> None:
    refused = [{"kind": "home", "name": "fred.mustermann", "why": "something else stands there"}]
    server.answers["folders.tidy"] = {
        "made": 1,
        "aside": 0,
        "ok": False,
        "text": "1 homes are not made",
        "refused": refused,
    }
    ran = schoolserver("folders", "tidy")
    assert ran.exit_code == 1
    assert ran.output.splitlines() == [
        "not made: home of fred.mustermann: something else stands there",
        "1 made or renamed, 0 put aside: 1 homes are not made.",
    ]
