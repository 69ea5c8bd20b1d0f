"""``schoolserver mail verify``: what goes to the server, and what the carer reads."""

import hashlib

import click
import pytest
from click.testing import CliRunner

from appliance.cli import mail_verify as module

BODY = b"From: a\n\nhello\n"
GOOD = {"delivered": True, "id": "0123", "at": "2026-09-01 10:00", "sender": "fred.mustermann@schule.example"}


@pytest.fixture
def run(monkeypatch, tmp_path):
    def running(answer, content=b"X-School-Seal: 1\r\n" + BODY):
        asked = []
        file = tmp_path / "message.eml"
        file.write_bytes(content)

        def call(verb, arguments):
            asked.append((verb, arguments))
            if isinstance(answer, click.ClickException):
                raise answer
            return answer

        monkeypatch.setattr(module, "call", call)
        done = CliRunner().invoke(module.mail_verify, [str(file)])
        return done, asked

    return running


def test_only_a_line_and_a_digest_leave_the_command(run):
    done, asked = run(GOOD)
    digest = hashlib.sha256(BODY.replace(b"\n", b"\r\n")).hexdigest()
    assert asked == [("mail.verify", {"line": "X-School-Seal: 1", "digest": digest})]
    assert done.exit_code == 0
    assert "GENUINE: delivered by this server as 0123" in done.output
    assert "2026-09-01 10:00" in done.output and "fred.mustermann@schule.example" in done.output


def test_what_is_not_ours_is_exit_code_one(run):
    done, _ = run({"delivered": False, "marked": True, "since": "2026-09-01 08:00"})
    assert (done.exit_code, done.output[:11]) == (1, "NOT GENUINE")


@pytest.mark.parametrize(("since", "told"), [("2026-09-01 08:00", "since 2026-09-01 08:00"), (None, "not marked any")])
def test_mail_from_before_the_marks_is_not_called_a_forgery(run, since, told):
    done, _ = run({"delivered": False, "marked": False, "since": since})
    assert (done.exit_code, done.output[:7]) == (1, "NO MARK")
    assert told in done.output


@pytest.mark.parametrize(
    ("sender", "shown"), [("", "the server itself"), (None, "Return-Path"), ("a\x1b[2Jb", "a?[2Jb")]
)
def test_senders_that_are_no_plain_address(run, sender, shown):
    assert shown in run({**GOOD, "sender": sender})[0].output


def test_a_file_that_is_not_there_is_wrong_use(run, tmp_path):
    assert CliRunner().invoke(module.mail_verify, [str(tmp_path / "none")]).exit_code == 2
