"""Two machines are paired over the loopback: both codes are the same, both people are asked, all or nothing is kept."""

import contextlib
import json
import re
import shutil
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from appliance.backup.intent import own_folder
from appliance.backup.pair import Wanted
from appliance.backup.pair import pair as pair_school
from appliance.backup.problem import BackupError
from appliance.backup.recovery_key import read_sheet
from appliance.backup_server import enroll, pairing, store, talk
from appliance.backup_server.pair import NotPaired
from appliance.backup_server.pairing import PlaceSide, PlaceValues, SchoolSide, SchoolValues
from appliance.settings.load import load
from tests.integration.support_pairing import new_key, waiting


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def place(folder):
    with waiting(folder) as made:
        yield made


@pytest.fixture
def settings(folder):
    etc = folder / "etc"
    etc.mkdir()
    (etc / "server.yaml").write_text(
        f"state: {folder}/var\nruntime: {folder}/run\ndata: {folder}/srv\nlauncher: children\nidentity: same\n"
    )
    (etc / "backup.yaml").write_text("target: schoolbackup-am-see@127.0.0.1\ntimeout: 20 s\n")
    return load(etc)


def kept(settings):
    own = own_folder(settings)
    return {str(path.relative_to(own.folder)) for path in own.folder.rglob("*") if path.is_file()}


def yes_on_both(place, settings, again=False):
    def same(code):
        assert place.screen.code() == code
        place.say("y")
        return True

    return pair_school(settings, Wanted(None, place.port, again), same)


def test_both_say_yes_and_have_what_they_need(place, settings):
    came = yes_on_both(place, settings)
    assert place.ended() is None
    assert came["write"] == []
    own = own_folder(settings)
    key, facts = read_sheet(came["sheet"])
    assert (facts.host, facts.port, facts.user) == ("127.0.0.1", 22, "schoolbackup-am-see")
    assert facts.host_key == place.values.host_key
    assert (own.keys / "known_hosts").read_text() == f"127.0.0.1 {place.values.host_key}\n"
    assert own.recovery.read_text() == f"{key.public_line}\n"
    mine = (own.keys / "key.pub").read_text().rpartition(" ")[0]
    command = 'restrict,command="/usr/lib/schoolserver-backup-server/receiver am-see'
    assert place.places.keys("am-see").read_text().splitlines() == [
        f'{command}" {mine} am-see',
        f'{command} --read-only" {key.public_line} recovery-of-am-see',
    ]
    assert facts.signing_key == mine
    assert stat.S_IMODE(place.places.keys("am-see").stat().st_mode) == 0o640
    assert stat.S_IMODE((own.keys / "key").stat().st_mode) == 0o600
    assert enroll.paired(place.places, "am-see") is not None
    assert store.schools(place.places.settings) == ["am-see"]


def test_the_seed_is_on_no_disk(place, settings, folder):
    sheet = yes_on_both(place, settings)["sheet"]
    secrets = re.findall(r"^ *K\d +(\S.*\S) *$", sheet, re.MULTILINE)
    assert len(secrets) == 4
    key, _ = read_sheet(sheet)
    private = key.openssh_private()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert private not in content
        assert not any(secret.encode() in content for secret in secrets)


@pytest.mark.parametrize("who", ["school", "place"])
def test_a_no_on_either_side_leaves_nothing_on_both(place, settings, who):
    def same(_code):
        place.screen.code()
        place.say("n" if who == "place" else "y")
        return who == "place"

    with pytest.raises(BackupError, match="nothing was kept"):
        pair_school(settings, Wanted(None, place.port, False), same)
    assert isinstance(place.ended(), NotPaired)
    assert place.nothing_kept()
    assert kept(settings) == set()


def test_what_cannot_be_kept_over_there_is_kept_nowhere(place, settings):
    place.hinder = OSError("the disk is full")
    with pytest.raises(BackupError, match="could not be kept"):
        yes_on_both(place, settings)
    assert place.ended() is place.hinder
    assert kept(settings) == set()


def test_who_hangs_up_while_the_people_compare_leaves_nothing(place, settings):
    with talk.Lines(socket.create_connection(("127.0.0.1", place.port)), pairing.LONGEST) as line:
        side = SchoolSide(SchoolValues(place.values.host_key, new_key(place.places.homes.parent, "other")), b"1" * 32)
        line.send(side.first(), 20)
        line.send(side.last(line.receive(20))[0], 20)
        place.screen.code()
    assert "hung up" in str(place.ended())
    assert place.nothing_kept()


def test_who_is_in_between_is_seen_by_his_two_codes(place, settings, folder):
    """He answers the school with a key of his own, and comes to the backup server with others."""
    evil, seen = new_key(folder, "evil"), {}
    trap = socket.create_server(("127.0.0.1", 0))

    def between():
        with talk.Lines(trap.accept()[0], pairing.LONGEST) as left:
            to_school = PlaceSide(PlaceValues("schoolbackup-am-see", evil, 22), b"3" * 32)
            left.send(to_school.answer(left.receive(20)), 20)
            keys, seen["school"] = to_school.finish(left.receive(20))
            with talk.Lines(socket.create_connection(("127.0.0.1", place.port)), pairing.LONGEST) as right:
                to_place = SchoolSide(SchoolValues(evil, keys.recovery), b"4" * 32)
                right.send(to_place.first(), 20)
                last, _, seen["place"] = to_place.last(right.receive(20))
                right.send(last, 20)
                left.receive(60)
                left.send(pairing.verdict(True), 20)
                right.send(pairing.verdict(True), 20)

    thief = threading.Thread(target=between, daemon=True)
    thief.start()

    def same(code):
        shown = place.screen.code()
        place.say("y" if shown == code else "n")
        return shown == code

    with pytest.raises(BackupError, match="somebody is in between"):
        pair_school(settings, Wanted(None, trap.getsockname()[1], False), same)
    thief.join(60)
    trap.close()
    assert seen["school"] != seen["place"]
    assert isinstance(place.ended(), NotPaired)
    assert place.nothing_kept()
    assert kept(settings) == set()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"x" * 100_000, b"{}\n", b"\xff\n", b"[" * 2000 + b"\n", b""], ids=range(6)
)
def test_garbage_does_not_end_the_waiting(place, settings, garbage):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", place.port)) as noise:
        noise.sendall(garbage)
        noise.shutdown(socket.SHUT_WR)
        while noise.recv(4096):
            pass
    yes_on_both(place, settings)
    assert place.ended() is None
    assert "Still waiting" in place.screen.getvalue()


def test_who_breaks_off_again_and_again_does_not_get_to_try_on(place):
    """Or he would try until the code here is the one that he has already seen over there."""
    tried = 0
    with contextlib.suppress(OSError, talk.LineBroken):
        while True:
            with talk.Lines(socket.create_connection(("127.0.0.1", place.port)), pairing.LONGEST) as line:
                line.send(json.dumps({"pairing": 1, "commitment": "0" * 64}).encode(), 20)
                line.receive(20)
                tried += 1
            if tried == 10:
                break
    assert "again and again" in str(place.ended())
    assert place.nothing_kept()


def test_a_second_time_has_to_be_said(place, settings, folder):
    first = read_sheet(yes_on_both(place, settings)["sheet"])[0]
    assert place.ended() is None
    with pytest.raises(BackupError, match="--again"):
        yes_on_both(place, settings)
    key = (own_folder(settings).keys / "key").read_bytes()
    (folder / "second").mkdir()
    with waiting(folder / "second") as other:
        second = read_sheet(yes_on_both(other, settings, again=True)["sheet"])[0]
    assert second.public_line != first.public_line
    assert own_folder(settings).recovery.read_text() == f"{second.public_line}\n"
    assert (own_folder(settings).keys / "key").read_bytes() == key, "it signs, so it stays"


def test_what_backup_yaml_lacks_is_said(place, settings, folder):
    (folder / "etc" / "backup.yaml").write_text("target: copies@127.0.0.1\nport: 2222\n")
    came = yes_on_both(place, load(folder / "etc"))
    assert came["write"] == ["target: schoolbackup-am-see@127.0.0.1", "port: 22"]


def test_nobody_waits(settings, place):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(BackupError, match="nobody waits"):
        pair_school(settings, Wanted(None, port, False), lambda _code: True)
    assert kept(settings) == set()
