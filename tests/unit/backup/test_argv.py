"""Intent becomes the words of rsync and ssh; these are all of them."""

import shlex
from dataclasses import replace
from pathlib import Path

from appliance.backup import argv
from appliance.backup.intent import SecondPlace

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


def test_sending():
    words = argv.send(replace(PLACE, bandwidth=5_000_000), "homes", Path("/srv/the homes"), Path("/var/homes.list"))
    assert words == (
        *["/usr/bin/rsync", "--archive", "--acls", "--xattrs", "--numeric-ids", "--hard-links", "--sparse"],
        *["--filter=+x security.NTACL", "--filter=-x user.rsync.*", "--filter=+x user.*", "--filter=-x *"],
        *["--files-from=/var/homes.list", "--from0", "--ignore-missing-args"],
        *["--no-human-readable", "--outbuf=N", "--timeout=600", "--bwlimit=4882", "--info=progress2", "--stats"],
        *["--rsh", SSH.format(line="none"), "/srv/the homes/", "backup.example:incoming/homes/"],
    )


def test_fetching_over_ipv6():
    place = replace(PLACE, host="2001:db8::7")
    words = argv.fetch_listed(place, "2026-11-21T003000", "homes", Path("/srv/listed"), Path("/srv/draft"))
    assert words[-2:] == ("[2001:db8::7]:snapshots/2026-11-21T003000/homes/", "/srv/draft/")
    assert {"--files-from=/srv/listed", "--from0"} <= set(words)
    assert not {"--inplace", "--append", "--delete"} & set(words)
