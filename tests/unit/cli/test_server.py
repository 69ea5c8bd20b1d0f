"""Which server is asked, and what is said when nobody answers."""

from pathlib import Path

import pytest

from appliance.cli import server


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """ARCHITECTURE.md: ``SCHOOLSERVER_CONTROL``, else the installed one."""
    monkeypatch.setenv("SCHOOLSERVER_CONTROL", "/somewhere/control.sock")
    assert server.control_path() == Path("/somewhere/control.sock")
    for empty in (True, False):
        monkeypatch.setenv("SCHOOLSERVER_CONTROL", "") if empty else monkeypatch.delenv("SCHOOLSERVER_CONTROL")
        assert server.control_path() == Path("/run/schoolserver/control/control.sock")


def test_nobody_there_is_told_with_the_socket_and_what_to_do(schoolserver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOLSERVER_CONTROL", "/nonexistent/control.sock")
    ran = schoolserver("status")
    assert ran.exit_code == 1
    assert "/nonexistent/control.sock" in ran.output
    assert "systemctl status schoolserver" in ran.output
