"""What a session may be like: dialect, encryption, signing; and that new shares end none."""

import contextlib
import subprocess

import pytest

from tests.integration.support_domain import possible

pytestmark = possible


@pytest.mark.parametrize("most", ["NT1", "SMB2_02", "SMB2_10"])
def test_old_dialects_are_off(drives, most):
    done = drives.domain.inside([*drives.argv("fred.muster", "Home"), f"--max-protocol={most}", "-c", "ls"])
    assert done.returncode != 0
    assert "blocks available" not in done.stdout


def test_every_share_is_encrypted(drives, text):
    """A client that asks for no more than signing is made to encrypt."""
    with talking(drives, "--client-protection=sign") as put:
        put(text, "a.txt")
        config = drives.domain.place.config
        told = drives.domain.inside(["smbstatus", f"--configfile={config}", "--shares"]).stdout
        line = next(line for line in told.splitlines() if line.startswith("Home"))
        assert "AES-128-GCM" in line or "AES-256-GCM" in line, told


def test_ntlm_one_is_refused(drives):
    """The answer of 1993 to the server's challenge (NTLMv1, [MS-NLMP] 3.3.1), with the right password.

    A Samba that takes it lets the same client in: so it is that answer which is refused.
    """
    argv = [*drives.argv("fred.muster", "Home"), "--option=client ntlmv2 auth=no", "--use-kerberos=off", "-c", "ls"]
    done = drives.domain.inside(argv)
    assert (done.returncode, "NT_STATUS_LOGON_FAILURE" in done.stdout) == (1, True)
    place = drives.domain.place.shares
    before = place.read_text()
    try:
        place.write_text(f"[global]\n    ntlm auth = ntlmv1-permitted\n{before}")
        drives.reload()
        assert drives.domain.inside(argv).returncode == 0
    finally:
        place.write_text(before)
        drives.reload()
    assert drives.domain.inside(argv).returncode == 1


def test_testparm_knows_every_option(drives):
    done = drives.domain.inside(["testparm", "-s", str(drives.domain.place.config)])
    assert "Unknown parameter" not in done.stderr
    assert "[Groups]" in done.stdout


def test_new_shares_end_no_session(drives, text):
    place = drives.domain.place
    before = place.shares.read_text()
    with talking(drives) as put:
        put(text, "a.txt")
        try:
            place.shares.write_text(f"{before}\n[More]\n    path = /\n")
            drives.reload()
            assert "usr" in drives.do("fred.muster", "More", "ls")
            put(text, "b.txt")
        finally:
            place.shares.write_text(before)
            drives.reload()
        put(text, "c.txt")
    assert "BAD_NETWORK_NAME" in drives.do("fred.muster", "More", "ls")
    assert sorted(path.name for path in drives.home("fred.muster").iterdir()) == ["a.txt", "b.txt", "c.txt"]


@contextlib.contextmanager
def talking(drives, *more):
    """A session of smbclient in Home that lasts: ``put(file, name)`` puts a file there and waits until it is."""
    argv = drives.domain.network.argv(drives.argv("fred.muster", "Home", "--stderr", *more))
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    assert 'Try "help"' in process.stdout.readline()

    def put(file, name):
        process.stdin.write(f"put {file} {name}\n")
        process.stdin.flush()
        said = process.stdout.readline()
        assert "putting file" in said, said

    try:
        yield put
    finally:
        process.communicate(timeout=10)
