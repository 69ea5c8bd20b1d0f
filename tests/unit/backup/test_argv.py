"""Intent becomes the words of rsync and ssh; these are all of them."""

import shlex
from dataclasses import replace
from pathlib import Path

from appliance.backup import argv
from appliance.backup.intent import Part, SecondPlace

PLACE = SecondPlace("keeper", "backup.example", 2222, Path("/keys/key"), Path("/keys/a %known"), 15.0, 600.0)
SSH = (
    "/usr/bin/ssh -F /dev/null -T -o BatchMode=yes -o ClearAllForwardings=yes -o ConnectTimeout=15 "
    "-o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o LogLevel=ERROR "
    "-o PreferredAuthentications=publickey -o ServerAliveCountMax=4 -o ServerAliveInterval=15 "
    "-o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o 'UserKnownHostsFile=\"/keys/a %%known\"' "
    "-S {line} -i /keys/key -p 2222 -l keeper"
)


def test_asking():
    assert shlex.join(argv.ask(PLACE, "begin")) == f"{SSH.format(line='none')} -- backup.example begin"


def test_holding_and_sharing_a_connection():
    line = Path("/keys/line")
    shared = SSH.format(line="/keys/line")
    said = "-o PermitLocalCommand=yes -o 'LocalCommand=echo connected'"
    expected = f"/usr/bin/setpriv --pdeathsig TERM {shared} -M -N {said} -- backup.example"
    assert shlex.join(argv.hold(PLACE, line)) == expected
    assert shlex.join(argv.ask(replace(PLACE, line=line), "list")) == f"{shared} -- backup.example list"


def test_copying():
    part = Part("homes", Path("/srv/the homes"), ("/.making-*",))
    words = argv.copy(replace(PLACE, bandwidth=5_000_000), part, ["interrupted-0001", "2026-11-21T003000"])
    assert words == (
        *[
            "/usr/bin/rsync",
            "--archive",
            "--acls",
            "--xattrs",
            "--numeric-ids",
            "--hard-links",
            "--modify-window=-1",
            "--no-human-readable",
            "--outbuf=N",
        ],
        *["--timeout=600", "--bwlimit=4882", "--info=progress2", "--stats"],
        "--link-dest=../../interrupted-0001/homes",
        "--link-dest=../../2026-11-21T003000/homes",
        "--exclude=/.making-*",
        "--rsh",
        SSH.format(line="none"),
        "/srv/the homes/",
        "backup.example:incoming/homes/",
    )
    assert not {"--inplace", "--append", "--delete", "--partial"} & set(words)


def test_fetching_over_ipv6():
    words = argv.fetch(replace(PLACE, host="2001:db8::7"), "2026-11-21T003000", "homes/fred/a b", Path("/srv/draft"))
    assert words[-2:] == ("[2001:db8::7]:2026-11-21T003000/./homes/fred/a b", "/srv/draft/")
    assert {"--relative", "--no-devices", "--no-specials"} <= set(words)
