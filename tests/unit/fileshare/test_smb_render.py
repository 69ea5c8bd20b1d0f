"""The shares beside the golden ones; that Samba takes them is for the integration tests."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.fileshare.smb.render import Places, places, render_shares
from appliance.settings.load import load

GOLDEN = Path(__file__).parent / "golden"
PLACES = Places(
    groups=Path("/srv/schoolserver/groups"),
    doors=Path("/run/schoolserver/smb"),
    ask=("/usr/bin/python3", "-I", "-S", "/usr/share/schoolserver/ask.py", "/run/schoolserver/smb/smb.sock"),
    space=Path("/var/lib/schoolserver/smb/dfree"),
)


def shares(text: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            options = found[line.strip("[]")] = {}
        elif line:
            name, _, value = line.strip().partition(" = ")
            assert name not in options, f"{name} stands there twice"
            options[name] = value
    return found


def test_shares():
    assert render_shares(PLACES) == GOLDEN.joinpath("shares.conf").read_text()


def test_former_versions_where_there_are_any():
    with_them, without = (
        shares(render_shares(one)) for one in (replace(PLACES, shadows=Path("/srv/schoolserver/.shadows")), PLACES)
    )
    own = {
        "vfs objects": "shadow_copy2 catia fruit streams_xattr",
        "shadow:snapdir": "/srv/schoolserver/.shadows",
        "shadow:format": "@GMT-%Y.%m.%d-%H.%M.%S",
        "shadow:sort": "desc",
        "shadow:localtime": "no",
    }
    more = {
        "Home": {"shadow:mountpoint": "/run/schoolserver/smb/homes"},
        "Groups": {"shadow:mountpoint": "/srv/schoolserver/groups", "shadow:snapsharepath": "tree/groups"},
    }
    for share, options in more.items():
        assert with_them[share] == without[share] | own | options
    assert with_them["Staff"] == without["Staff"]


def test_they_are_those_that_pcs_connect():
    assert list(shares(render_shares(PLACES))) == ["Home", "Groups", "Staff"]


@pytest.mark.parametrize("share", ["Home", "Groups", "Staff"])
def test_each_goes_through_the_door_encrypted_and_starts_no_program(share):
    options = shares(render_shares(PLACES))[share]
    assert options["root preexec"].endswith(" enter '%d' '%u' '%S' '%I'")
    assert options["root preexec close"] == "yes"
    assert options["server smb encrypt"] == "required"
    for mode in ("create mask", "force create mode"):
        assert int(options[mode], 8) & 0o7117 == 0


def test_a_path_with_a_blank_stays_one_word_for_the_shell():
    found = shares(render_shares(replace(PLACES, ask=("/opt/a school/ask.py",))))
    assert found["Home"]["root preexec"].startswith("exec '/opt/a school/ask.py' enter ")


def test_places_are_those_of_the_settings(tmp_path):
    (tmp_path / "school.yaml").write_text("domain: schule.example\n")
    (tmp_path / "server.yaml").write_text("data: /mnt/raid\nruntime: /run/school\n")
    found = places(load(tmp_path))
    assert (found.groups, found.homes) == (Path("/mnt/raid/groups"), Path("/run/school/smb/homes"))
    assert found.ask[-1] == "/run/school/smb/smb.sock"
    assert Path(found.ask[-2]).name == "ask.py"
    assert Path(found.ask[-2]).exists()
