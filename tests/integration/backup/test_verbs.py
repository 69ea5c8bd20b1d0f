"""The way from the control socket to the second place and back, through supervisor and privileged process."""

import os
import stat

import pytest

from appliance.demo import sshd
from appliance.supervisor.client import ServerRefused
from tests.integration.support_place import ROOT, placed
from tests.integration.support_ports import free_port
from tests.integration.support_school import ACCOUNTS, QUICK, School

LOGIN = "fred.mustermann"


@pytest.fixture
def school():
    with (
        placed(School, {**QUICK, "backup": sshd.settings_for(free_port())}, ACCOUNTS) as made,
        sshd.second_place(made.folder, made.settings, ROOT) as copies,
    ):
        made.copies = copies
        made.start()
        made.data.joinpath("mail").mkdir()  # the mail service's, which does not run here
        made.take_in()
        yield made


def test_copied_listed_and_restored_with_a_record(school):
    home = school.folder / "data" / "homes" / LOGIN
    letter = home / "letter"
    letter.write_bytes(b"words")
    os.chown(letter, home.stat().st_uid, home.stat().st_gid)
    made = school.call("backup.run")
    assert made["figures"]["files"] > 0
    assert [copy["name"] for copy in school.call("backup.list")["copies"]] == [made["snapshot"]]
    exported = school.copies / made["snapshot"] / "exports"
    assert f"uid={LOGIN},ou=people,dc=schule,dc=example" in (exported / "directory.ldif").read_text()
    assert (exported / "supervisor" / "state.db").exists()
    letter.unlink()
    came = school.call("restore", login=LOGIN, path="/letter")
    back = home / came["folder"] / "letter"
    assert back.read_bytes() == b"words"
    assert back.stat().st_uid == home.stat().st_uid
    with pytest.raises(ServerRefused, match="no such file"):
        school.call("restore", login=LOGIN, path="another")
    with pytest.raises(ServerRefused, match="no account"):
        school.call("restore", login="nobody.here", path="letter")
    events = [event for event in school.events() if event["kind"] == "restored"]
    assert [(event["login"], event["snapshot"]) for event in events] == [(LOGIN, made["snapshot"])]
    assert "letter" not in str(events)
    assert all(word not in log for word in ("letter", LOGIN) for log in school.logs().values())
    record = school.folder / "state" / "backup" / "record.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o640
    probe = school.when(
        lambda: [one for one in school.call("status")["probes"] if one["name"] == "backup" and one["ok"]]
    )
    assert probe[0]["text"] == "right"
