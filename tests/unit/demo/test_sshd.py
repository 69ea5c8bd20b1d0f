"""For whom the demo's second place can run its command."""

import pytest

from appliance.demo.sshd import has_shell


@pytest.mark.parametrize(
    ("shell", "runs"),
    [("/bin/sh", True), ("", True), ("/usr/sbin/nologin", False), ("/bin/false", False), ("/no/such/shell", False)],
)
def test_a_command_needs_a_login_shell(shell: str, runs: bool) -> None:
    assert has_shell(shell) is runs
