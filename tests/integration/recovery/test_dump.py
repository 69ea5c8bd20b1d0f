"""The dump that the night makes, opened with the sheet's key on another machine."""

import io
import json
import os
import subprocess
import tarfile

import pytest

from appliance.backup import dump as night
from appliance.backup.dump_layout import USERS, Users
from appliance.backup.problem import BackupError
from appliance.backup.recovery_key import new
from appliance.recovery import dump
from appliance.recovery.owners import Owners
from appliance.settings.load import load

NOBODY = Users({}, {})


@pytest.fixture
def settings(tmp_path):
    """A school whose parts belong to whoever runs this."""
    folder = tmp_path / "old" / "etc"
    folder.mkdir(parents=True)
    (folder / "school.yaml").write_text("domain: schule.example\n", encoding="ascii")
    (folder / "server.yaml").write_text(
        f"state: {tmp_path}/old/state\nruntime: {tmp_path}/old/run\ndata: {tmp_path}/old/srv\n"
        "identity: same\nlauncher: children\n",
        encoding="ascii",
    )
    state = tmp_path / "old" / "state"
    for name, content in {
        "set-up": "",
        "with-slapd": "",
        "state-format": "3\n",
        "setup/answers.yaml": "school: x\n",
        "setup/under-way": "",
        "supervisor/directory.password": "secret",
        "supervisor/state.db": "living",
        "mail/tls/pair.pem": "pair",
        "backup/ssh/key": "our key",
    }.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(content, encoding="ascii")
    (state / "mail" / "tls" / "cert.pem").symlink_to("pair.pem")
    (state / "supervisor" / "directory.password").chmod(0o400)
    return load(folder)


@pytest.fixture
def key(tmp_path):
    """The recovery key: both halves as files."""
    made = new()
    (tmp_path / "key.pub").write_text(made.public_line + "\n", encoding="ascii")
    private = tmp_path / "key"
    private.touch(0o600)
    private.write_bytes(made.openssh_private())
    return private


def _targets(folder):
    return dump.Targets(folder / "etc", folder / "state", folder / "exports")


def _fresh(folder):
    for name in ("etc", "state"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "state-format").write_text("4\n", encoding="ascii")
    return _targets(folder)


@pytest.fixture
def sealed(settings, key, tmp_path):
    exports = tmp_path / "exported"
    (exports / "supervisor").mkdir(parents=True)
    (exports / "supervisor" / "state.db").write_text("exported", encoding="ascii")
    night.dump(settings, exports, key.with_suffix(".pub"), tmp_path / "dump.age")
    return dump.Sealed(tmp_path / "dump.age", key)


def test_what_it_holds_is_known_before_anything_is_written(sealed):
    inside = dump.look(sealed)
    assert inside.settings["school.yaml"] == "domain: schule.example\n"
    assert inside.form == 3


def test_settings_and_state_come_into_their_places(sealed, tmp_path):
    targets = _fresh(tmp_path / "new")
    dump.unpack(sealed, targets, Owners({}, {}), NOBODY)
    state = tmp_path / "new" / "state"
    assert (tmp_path / "new" / "etc" / "school.yaml").read_text(encoding="ascii") == "domain: schule.example\n"
    assert (state / "supervisor" / "directory.password").stat().st_mode & 0o777 == 0o400
    assert (state / "mail" / "tls" / "cert.pem").read_text(encoding="ascii") == "pair"
    assert (targets.exports / "supervisor" / "state.db").read_text(encoding="ascii") == "exported"
    assert (state / "state-format").read_text(encoding="ascii") == "4\n"
    for left in ("set-up", "with-slapd", "setup/under-way", "supervisor/state.db", "backup"):
        assert not (state / left).exists()


def test_it_can_be_done_again(sealed, tmp_path):
    targets = _fresh(tmp_path / "new")
    for _ in range(2):
        dump.unpack(sealed, targets, Owners({}, {}), NOBODY)
    assert (targets.state / "supervisor" / "directory.password").read_text(encoding="ascii") == "secret"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_was_a_system_user_s_is_that_user_s_here(key, tmp_path):
    there, here = (
        Users({"schoolserver-mail": 995}, {"schoolserver-mail": 994}),
        Users({"schoolserver-mail": 120}, {"schoolserver-mail": 121}),
    )
    members = [
        (USERS, there.encode(), {}),
        ("state/named", b"", {"uname": "schoolserver-mail", "gname": "schoolserver-mail", "uid": 995, "gid": 994}),
        ("state/numbered", b"", {"uid": 995, "gid": 994}),
        ("state/other", b"", {"uid": 500, "gid": 0, "uname": "_chrony"}),
    ]
    sealed = _sealed(key, tmp_path, members)
    targets = _fresh(tmp_path / "new")
    dump.unpack(sealed, targets, Owners.of(there, here), here)
    owners = [(targets.state / name).stat() for name in ("named", "numbered", "other")]
    assert [(one.st_uid, one.st_gid) for one in owners] == [(120, 121), (120, 121), (0, 0)]


@pytest.mark.parametrize("name", ["state/../../x", "state//x", "/etc/x", "state/a/../../../x"])
def test_a_name_that_leads_out_is_refused(key, tmp_path, name):
    sealed = _sealed(key, tmp_path, [(USERS, NOBODY.encode(), {}), (name, b"x", {})])
    targets = _fresh(tmp_path / "new")
    try:
        dump.unpack(sealed, targets, Owners({}, {}), NOBODY)
    except BackupError as error:
        assert "leads out" in error.text
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) in (["etc", "exports", "state"], ["etc", "state"])
    assert [path.name for path in targets.state.iterdir()] == ["state-format"]


def test_a_way_through_a_link_is_refused(key, tmp_path):
    link = {"type": tarfile.SYMTYPE, "linkname": str(tmp_path)}
    sealed = _sealed(key, tmp_path, [(USERS, NOBODY.encode(), {}), ("state/l", b"", link), ("state/l/x", b"x", {})])
    with pytest.raises(BackupError, match="leads out"):
        dump.unpack(sealed, _fresh(tmp_path / "new"), Owners({}, {}), NOBODY)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data[:-9] + b"?" + data[-8:], lambda _: b"x"])
def test_a_broken_dump_is_told(sealed, spoil):
    sealed.path.write_bytes(spoil(sealed.path.read_bytes()))
    with pytest.raises(BackupError, match="cannot be opened with the key"):
        dump.look(sealed)


def test_another_key_opens_nothing(sealed, key):
    key.write_bytes(new().openssh_private())
    with pytest.raises(BackupError, match="cannot be opened with the key"):
        dump.look(sealed)


def test_a_dump_without_its_table_is_told(key, tmp_path):
    with pytest.raises(BackupError, match="no table of users"):
        dump.look(_sealed(key, tmp_path, [("settings/a.yaml", json.dumps({}).encode(), {})]))


def _sealed(key, tmp_path, members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data, more in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for field, value in more.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(data))
    path = tmp_path / "made.age"
    argv = ("/usr/bin/age", "-R", key.with_suffix(".pub"), "-o", path)
    subprocess.run(argv, input=packed.getvalue(), check=True)
    return dump.Sealed(path, key)
