"""A session that could not be ended is no ended session (K18)."""

import pytest

from appliance.daemon.engine import EngineRefused
from appliance.privileged import engines


@pytest.fixture
def doveadm(tmp_path, monkeypatch):
    """Let a program take doveadm's place that says and ends as told."""

    def says(complaint: str, code: int) -> engines.Dovecot:
        program = tmp_path / "doveadm"
        program.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setattr(engines, "_DOVEADM", str(program))
        return engines.Dovecot(tmp_path / "dovecot.conf")

    return says


def test_ended_nobody_there_and_not_to_be_ended(doveadm):
    assert doveadm("", 0).kick("fred") is True
    assert doveadm("", engines._NOBODY).kick("fred") is False
    with pytest.raises(EngineRefused):
        doveadm("kill(4711, SIGTERM) failed: Operation not permitted", 0).kick("fred")
    with pytest.raises(EngineRefused):
        doveadm("Fatal: no configuration", 89).kick("fred")
