"""The privileged process behind its real socket: who may ask, and for what."""

import os
import socket
import stat

import pytest

from appliance.daemon.request_client import RequestRefused
from appliance.privileged.client import PrivilegedClient

ROOT = os.geteuid() == 0
SUPERVISOR = 60802


@pytest.fixture
def running(place):
    place.start("privileged")
    return place


def path_of(running):
    return running.runtime / "privileged" / "privileged.sock"


def asked_by(uid, gid, path, line):
    """What the process answers to a process with these ids."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(20)
                connection.connect(str(path))
                connection.sendall(line)
                os.write(writing, connection.recv(65536))
        except OSError as error:
            os.write(writing, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = answer.read()
    os.waitpid(pid, 0)
    return found


MAKE = b'{"id":1,"verb":"home-make","arguments":{"login":"fred","uid":20001,"gid":20001}}\n'


@pytest.mark.skipif(not ROOT, reason="needs other users")
def test_only_the_supervisor_is_answered(running):
    path, homes = path_of(running), running.data / "homes"
    for uid in (0, 60803, 60806, 20001, 65534):
        assert b"not-allowed" in asked_by(uid, SUPERVISOR, path, MAKE)  # even where the socket lets it connect
    assert asked_by(60806, 60800, path, MAKE) == b"PermissionError"
    assert asked_by(20001, 20001, path, MAKE) == b"PermissionError"
    assert list(homes.iterdir()) == []
    assert asked_by(SUPERVISOR, SUPERVISOR, path, MAKE) == b'{"id":1,"result":{"made":true}}\n'
    found = homes.joinpath("fred").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (20001, 20001, 0o700)


@pytest.mark.skipif(not ROOT, reason="needs other users")
@pytest.mark.parametrize(
    "arguments",
    [
        '{"login":"../etc","uid":20001,"gid":20001}',
        '{"login":"fred","uid":0,"gid":20001}',
        '{"login":"fred","uid":20001,"gid":0}',
        '{"login":"fred","uid":20001}',
        '{"login":"fred","uid":"20001","gid":20001}',
        '{"login":"fred","uid":20001,"gid":20001,"path":"/"}',
    ],
)
def test_what_is_not_plainly_right_does_nothing(running, arguments):
    line = f'{{"id":1,"verb":"home-make","arguments":{arguments}}}\n'.encode()
    assert b"bad-argument" in asked_by(SUPERVISOR, SUPERVISOR, path_of(running), line)
    assert list((running.data / "homes").iterdir()) == []


@pytest.fixture
def same(place):
    etc = place.folder / "etc" / "server.yaml"
    etc.write_text(etc.read_text().replace("identity: numbers", "identity: same"))
    place.start("privileged")
    client = PrivilegedClient(path_of(place))
    yield place, client
    client.close()


def test_the_client_makes_and_removes(same):
    place, client = same
    assert client.home_make("fred.mustermann", 20001, 20001) is True
    assert client.home_make("fred.mustermann", 20001, 20001) is False
    assert client.home_remove("fred.mustermann", 20001) is True
    assert client.home_remove("fred.mustermann", 20001) is False
    assert list((place.data / "homes").iterdir()) == []


def test_tables_are_closed(same):
    _, client = same
    for call in (
        lambda: client.engine_install("samba", "x"),
        lambda: client.session_kick("web", "fred"),
        lambda: client.session_kick("mail", "-f"),
        lambda: client.session_kick("mail", "10.0.0.0"),
        lambda: client.engine_install("imap", "a\0b"),
    ):
        with pytest.raises(RequestRefused) as caught:
            call()
        assert caught.value.kind == "bad-argument"


def test_an_engine_that_is_not_there_is_told(same):
    place, client = same
    with pytest.raises(RequestRefused) as caught:
        client.session_kick("mail", "fred")
    assert caught.value.kind == "engine-refused"
    assert "fred" not in "".join(place.logs().values())


def test_what_was_half_removed_is_finished_at_the_start(place):
    etc = place.folder / "etc" / "server.yaml"
    etc.write_text(etc.read_text().replace("identity: numbers", "identity: same"))
    place.data.joinpath("homes", ".removed-0123", "deep").mkdir(parents=True)
    place.start("privileged")
    client = PrivilegedClient(path_of(place))
    client.home_make("fred", 20001, 20001)  # homes have one thread: the sweep came before
    client.close()
    assert [path.name for path in (place.data / "homes").iterdir()] == ["fred"]
