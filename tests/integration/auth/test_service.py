"""The real service over a real directory, asked as the services and the supervisor ask it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from appliance.auth.client import Answer, AuthClient, Change, Verdict
from appliance.auth.envelope import Keys, seal
from appliance.daemon.request_client import RequestRefused
from appliance.daemon.secret import Secret
from appliance.policy.account import Lock, Role, Service
from appliance.policy.decision import Reason
from tests.integration.auth.support import FRED, GOOD, PROBE, TEACHER, School, open_school, opened, until

HERE = "10.0.0.1"
NEW = "Zebu-Fahrt-41"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def verify(
    school: School, login: str, password: str, service: Service = Service.MAIL, address: str | None = HERE
) -> Verdict:
    client = school.client()
    try:
        return client.verify(service, login, Secret(password), address)
    finally:
        client.close()


def change(school: School, login: str, old: str, new: str) -> Change:
    client = school.client()
    try:
        return client.change(seal({"login": login, "old": old, "new": new}, client.key())).answer
    finally:
        client.close()


class TestSignIn:
    def test_right_wrong_unknown(self, school: School) -> None:
        assert verify(school, "Fred.Mustermann@schule.example", GOOD) == Verdict(
            Answer.VERIFIED, FRED, 20001, Role.PUPIL
        )
        assert verify(school, FRED, "wrong").answer is Answer.REFUSED
        assert verify(school, "no.body", GOOD).answer is Answer.REFUSED
        assert verify(school, "x,ou=people)(uid=*", GOOD).answer is Answer.REFUSED

    @pytest.mark.parametrize("password", ["", "\0", "x" * 513])
    def test_what_is_no_password_never_opens(self, school: School, password: str) -> None:
        assert [verify(school, login, password).answer for login in (FRED, PROBE, "no.body", "")] == [
            Answer.REFUSED
        ] * 4

    def test_must_change_opens_nothing(self, school: School) -> None:
        school.set_password(FRED, GOOD, must_change=True)  # the snapshot does not know yet
        answers = [verify(school, FRED, GOOD, service).answer for service in Service if service is not Service.PC]
        assert answers == [Answer.MUST_CHANGE] * 3
        assert verify(school, FRED, "wrong").answer is Answer.REFUSED

    def test_a_lock_counts_within_two_seconds_and_gives_reason_and_code(self, school: School) -> None:
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
        school.publish(school.change(FRED, locks=(Lock(Service.MAIL, LONG_AGO, None),)))
        assert until(Answer.DENIED, lambda: verify(school, FRED, GOOD).answer) < 2.0
        verdict = verify(school, FRED, GOOD)
        assert verdict.reason is Reason.LOCKED
        assert verdict.code
        assert verify(school, FRED, "wrong").answer is Answer.REFUSED
        assert verify(school, FRED, GOOD, Service.FILES).answer is Answer.VERIFIED

    def test_a_disabled_account_answers_as_an_unknown_one(self, school: School) -> None:
        school.publish(school.change(FRED, disabled=True))
        until(Answer.REFUSED, lambda: verify(school, FRED, GOOD).answer)

    def test_outcomes_are_recorded_without_passwords_or_mistyped_logins(self, school: School) -> None:
        verify(school, FRED, GOOD)
        verify(school, "my-Secret-7", "wrong")
        events = school.events(2)
        assert [dict(event.fields) for event in events] == [
            {"service": "mail", "login": FRED, "address": HERE, "outcome": "verified"},
            {"service": "mail", "login": "", "address": HERE, "outcome": "refused"},
        ]

    def test_a_cut_snapshot_changes_nothing(self, school: School) -> None:
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
        path = school.runtime / "snapshots" / "auth.snapshot"
        path.chmod(0o640)
        path.write_bytes(path.read_bytes()[:-10])
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED


class TestThrottle:
    def test_failures_count_over_all_services_but_only_from_there(self, school: School) -> None:
        services = [Service.MAIL, Service.FILES, Service.WEB, Service.MAIL, Service.FILES]
        assert {verify(school, TEACHER, "wrong", service).answer for service in services} == {Answer.REFUSED}
        delayed = verify(school, TEACHER, GOOD, Service.WEB)
        assert delayed.answer is Answer.TRY_LATER
        assert 0 < delayed.retry_after <= 1.0
        assert verify(school, TEACHER, GOOD, address="10.0.0.2").answer is Answer.VERIFIED
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
        until(Answer.VERIFIED, lambda: verify(school, TEACHER, GOOD).answer)

    def test_hammering_at_once_checks_no_more_than_one_by_one(self, school: School) -> None:
        async def hammer() -> list[Verdict]:
            client = AuthClient(school.socket)
            guesses = (client.verify(Service.MAIL, TEACHER, Secret(f"guess{n}"), HERE) for n in range(60))
            verdicts = await asyncio.gather(*guesses)
            await client.close()
            return verdicts

        answers = [verdict.answer for verdict in asyncio.run(hammer())]
        assert answers.count(Answer.REFUSED) == 5
        assert answers.count(Answer.TRY_LATER) == 55
        assert verify(school, TEACHER, GOOD, address="10.0.0.2").answer is Answer.VERIFIED


class TestPasswords:
    def test_one_time_password_to_own_password(self, school: School) -> None:
        client, keys = school.client(), Keys.generate()
        sealed, missing = client.issue([FRED, "no.body"], keys.public, by="office.lady")
        client.close()
        one_time = opened(keys, sealed)
        assert (list(one_time), missing) == ([FRED], ("no.body",))
        assert verify(school, FRED, GOOD).answer is Answer.REFUSED
        assert verify(school, FRED, one_time[FRED]).answer is Answer.MUST_CHANGE
        assert change(school, FRED, one_time[FRED], "fred") is Change.WEAK
        assert change(school, FRED, one_time[FRED], "Mustermann-7!") is Change.WEAK
        assert change(school, FRED, one_time[FRED], one_time[FRED]) is Change.WEAK
        assert verify(school, FRED, one_time[FRED]).answer is Answer.MUST_CHANGE
        assert change(school, FRED, "wrong", NEW) is Change.REFUSED
        assert change(school, FRED, one_time[FRED], NEW) is Change.CHANGED
        assert verify(school, FRED, one_time[FRED]).answer is Answer.REFUSED
        assert verify(school, FRED, NEW).answer is Answer.VERIFIED

    def test_an_umlaut_typed_in_parts_is_the_same_password(self, school: School) -> None:
        assert change(school, FRED, GOOD, "Gr\u00fcner-Zebu-7") is Change.CHANGED
        assert verify(school, FRED, "Gru\u0308ner-Zebu-7").answer is Answer.VERIFIED

    def test_the_probe_gets_one_to_keep_and_nobody_else(self, school: School) -> None:
        client, keys = school.client(), Keys.generate()
        password = opened(keys, client.issue_probe(PROBE, keys.public))[PROBE]
        assert verify(school, PROBE, password).answer is Answer.VERIFIED
        for login, kind in ((FRED, "not-allowed"), ("no.body", "not-found")):
            with pytest.raises(RequestRefused) as refused:
                client.issue_probe(login, keys.public)
            assert refused.value.kind == kind
        client.close()

    def test_envelopes_and_keys_that_are_none_are_refused_before_anything_is_written(self, school: School) -> None:
        client = school.client()
        for ask, kind in (
            (lambda: client.change(seal({"login": FRED}, client.key())), "broken-envelope"),
            (
                lambda: client.change(seal({"login": FRED, "old": GOOD, "new": NEW}, Keys.generate().public)),
                "broken-envelope",
            ),
            (lambda: client.issue([FRED], "no key"), "bad-argument"),
            (lambda: client.issue([FRED] * 101, Keys.generate().public), "too-many"),
        ):
            with pytest.raises(RequestRefused) as refused:
                ask()
            assert refused.value.kind == kind
        client.close()
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
    def test_only_the_supervisors_user_may_have_passwords_written(self, school: School) -> None:
        for folder in (school.runtime.parent, school.runtime, school.socket.parent):
            folder.chmod(0o755)
        requests = [
            {"id": 1, "verb": "issue", "arguments": {"logins": [FRED], "recipient": Keys.generate().public}},
            {"id": 2, "verb": "issue-probe", "arguments": {"login": PROBE, "recipient": Keys.generate().public}},
            {"id": 3, "verb": "change", "arguments": {"envelope": ""}},
        ]
        program = (
            "import socket, sys\n"
            "line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[1])\n"
            "replies = line.makefile('rb')\n"
            "for request in sys.argv[2:]: line.sendall(request.encode() + b'\\n'); print(replies.readline().decode())\n"
        )
        argv = [sys.executable, "-c", program, str(school.socket), *map(json.dumps, requests)]
        done = subprocess.run(
            argv, user=65534, group=65534, extra_groups=[], capture_output=True, text=True, check=True
        )
        kinds = [json.loads(line)["error"]["kind"] for line in done.stdout.split("\n") if line]
        assert kinds == ["not-allowed"] * 3
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED


class TestHardship:
    def test_slapd_gone_is_try_later_and_back_is_verified(self, school: School) -> None:
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
        school.slapd.kill()
        for _ in range(8):
            assert verify(school, FRED, "wrong").answer is Answer.TRY_LATER
        assert verify(school, "no.body", "wrong").answer is Answer.TRY_LATER
        assert change(school, FRED, GOOD, NEW) is Change.TRY_LATER
        client = school.client()
        with pytest.raises(RequestRefused, match="try-later"):
            client.issue([FRED], Keys.generate().public)
        client.close()
        school.slapd.start()
        until(Answer.VERIFIED, lambda: verify(school, FRED, GOOD).answer)

    def test_a_frozen_slapd_holds_up_nothing_else_and_ends_in_try_later(self, school: School) -> None:
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
        school.slapd.freeze()
        try:

            async def crowd() -> list[Answer]:
                client = AuthClient(school.socket, 30.0)
                places = [f"10.1.{n // 250}.{n % 250}" for n in range(200)]
                asked = (client.verify(Service.MAIL, FRED, Secret(GOOD), place) for place in places)
                verdicts = await asyncio.gather(*asked)
                await client.close()
                return [verdict.answer for verdict in verdicts]

            answers: list[Answer] = []
            waiting = threading.Thread(target=lambda: answers.extend(asyncio.run(crowd())))
            waiting.start()
            client = school.client()
            assert client.key()
            client.close()
            waiting.join()
            assert set(answers) == {Answer.TRY_LATER}
        finally:
            school.slapd.thaw()
        until(Answer.VERIFIED, lambda: verify(school, FRED, GOOD).answer)

    def test_thirty_at_once_are_all_verified(self, school: School) -> None:
        async def lesson() -> list[Answer]:
            client = AuthClient(school.socket)
            asked = [client.verify(Service.FILES, FRED, Secret(GOOD), f"10.1.0.{n}") for n in range(30)]
            verdicts = await asyncio.gather(*asked)
            await client.close()
            return [verdict.answer for verdict in verdicts]

        assert asyncio.run(lesson()) == [Answer.VERIFIED] * 30

    def test_killed_and_back_refuses_no_connection(self, school: School) -> None:
        client = school.client()
        old = client.key()
        school.stop_auth(signal.SIGKILL)
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(verify(school, FRED, GOOD).answer))
        asking.start()
        school.start_auth()
        asking.join()
        assert answers == [Answer.VERIFIED]
        assert client.key() != old
        client.close()

    def test_without_service_or_without_snapshot_it_is_try_later(self, school: School) -> None:
        school.stop_auth()
        school.listener.close()
        assert verify(school, FRED, GOOD).answer is Answer.TRY_LATER

    def test_a_stop_is_clean(self, school: School) -> None:
        assert verify(school, FRED, GOOD).answer is Answer.VERIFIED
        assert school.stop_auth() == 0


def test_what_is_no_request_does_nothing(school: School) -> None:
    verify_x = b'{"id":1,"verb":"verify","arguments":{"login":"x","password":"y","service":'
    lines = {
        b"{}": "bad-request",
        b'{"id":1,"verb":"open","arguments":{}}': "unknown-verb",
        b'{"id":1,"verb":"verify","arguments":{"service":"mail","login":"x"}}': "bad-argument",
        verify_x + b'"tea"}}': "bad-argument",
        verify_x + b'"pc"}}': "bad-argument",
        verify_x + b'"mail","address":"z"}}': "bad-argument",
        verify_x + b'"mail"}}' + b" " * 65536: "too-long",
    }
    for line, kind in lines.items():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(school.socket))
            connection.settimeout(15.0)
            connection.sendall(line + b"\n")
            reply = json.loads(connection.makefile("rb").readline())
            assert reply["error"]["kind"] in {kind, "wrong-argument", "missing-argument"}


def test_an_unknown_login_takes_the_directory_as_long_as_a_wrong_password() -> None:
    """Hashing made slow, so that it shows against all else: a login nobody has must cost the same hashing."""
    with open_school(directory="argon2_memory: 64 MiB\nargon2_time: 4\ntimeout: 10 s\n") as school:
        spent = {FRED: 0.0, "no.body": 0.0}
        verify(school, FRED, "warm up")
        for number in range(6):
            for login in spent:
                start = time.monotonic()
                assert verify(school, login, "wrong", address=f"10.0.1.{number}").answer is Answer.REFUSED
                spent[login] += time.monotonic() - start
        assert 0.5 < spent["no.body"] / spent[FRED] < 2.0
