"""Whether this server delivered a message: by what the verb is given, which is never the message."""

import io
import os
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from appliance.mail.seal import Sealer, evidence
from appliance.mail.seal_key import own_key
from appliance.supervisor import verbs_seal
from appliance.supervisor.verb import Call, VerbError

BODY = b"From: a\r\n\r\nhello\r\n"
AT = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def verify(tmp_path):
    (tmp_path / "mail").mkdir()
    settings = SimpleNamespace(
        server=SimpleNamespace(state=tmp_path), school=SimpleNamespace(zone=ZoneInfo("Europe/Berlin"))
    )
    verb = verbs_seal.verbs(SimpleNamespace(settings=settings))["mail.verify"]

    def asked(message):
        found = evidence(io.BytesIO(message))
        given = verb.checked({"line": found.line, "digest": found.digest})
        return verb.run(Call(given, "carer", lambda *_: None))

    return asked


def sealed(folder, sender="fred.mustermann@schule.example"):
    sealing = Sealer(own_key(folder / "mail")).begin("0123", AT, sender)
    sealing.update(BODY)
    return sealing.line() + BODY


def test_what_we_delivered_is_told(verify, tmp_path):
    assert verify(sealed(tmp_path)) == {
        "delivered": True,
        "id": "0123",
        "at": "2026-09-01 10:00",
        "sender": "fred.mustermann@schule.example",
    }


def test_what_was_changed_or_never_marked_is_not_ours(verify, tmp_path):
    assert verify(BODY) == {"delivered": False, "marked": False, "since": None}, "no key yet"
    message = sealed(tmp_path)
    os.utime(tmp_path / "mail" / "seal.key", (AT.timestamp(),) * 2)
    changed = {"delivered": False, "marked": True, "since": "2026-09-01 10:00"}
    assert verify(message + b"PS\r\n") == changed
    assert verify(message.replace(b"hello", b"hallo")) == changed
    assert verify(BODY) == verify(b"") == {**changed, "marked": False}


def test_a_broken_key_is_told(verify, tmp_path):
    message = sealed(tmp_path)
    (tmp_path / "mail" / "seal.pub").chmod(0o600)
    (tmp_path / "mail" / "seal.pub").write_text("x\n")
    with pytest.raises(VerbError, match=r"seal\.pub holds no key"):
        verify(message)


def test_a_line_of_any_length_is_refused(verify):
    with pytest.raises(VerbError, match="characters"):
        verbs_seal.verbs(SimpleNamespace())["mail.verify"].checked({"line": "x" * 2000, "digest": "0"})
