import grp
import os
import pwd
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from appliance.daemon.identities import PARTS, Identities, Identity


@dataclass
class Server:
    identity: str
    first_id: int = 60800


def test_numbers_are_distinct_and_stay_within_the_announced_range():
    identities = Identities(Server("numbers", 61000))
    own = {part: identities.of(part) for part in PARTS if part != "privileged"}
    uids = [identity.uid for identity in own.values()]
    numbers = [*uids, identities.group("services"), identities.group("admin")]
    assert len(set(numbers)) == len(numbers)
    assert all(61000 <= number < 61032 for number in numbers)
    assert all(identity.uid == identity.gid for identity in own.values())
    for stranger in ("autoconfig", "resolver", "lists"):
        assert own.pop(stranger).groups == (), "who has to do with strangers reaches no socket of ours"
    assert all(identities.group("services") in identity.groups for identity in own.values())


def test_numbers_do_not_change_with_a_release():
    identities = Identities(Server("numbers"))
    assert identities.of("supervisor").uid == 60802
    assert identities.of("mail").uid == 60806
    assert identities.of("autoconfig").uid == 60812
    assert identities.group("services") == 60800


def test_who_may_read_whose_files():
    identities = Identities(Server("numbers"))
    supervisor = identities.of("supervisor")
    assert {identities.of(part).gid for part in ("auth", "mail", "fileshare", "proxy")} <= set(supervisor.groups)
    assert identities.group("admin") in supervisor.groups
    assert identities.of("auth").gid not in identities.of("mail").groups


def test_the_root_helper():
    identities = Identities(Server("numbers"))
    assert identities.of("privileged") == Identity(0, 0, (60800,))


def test_all_as_the_caller():
    identities = Identities(Server("same"))
    mine = (os.geteuid(), os.getegid())
    assert {(identities.of(part).uid, identities.of(part).gid) for part in PARTS} == {mine}
    assert identities.group("services") == identities.group("admin") == os.getegid()


def test_system_users(monkeypatch):
    groups = {"schoolserver": 900, "schoolserver-admin": 901}
    monkeypatch.setattr(
        pwd, "getpwnam", lambda name: SimpleNamespace(pw_uid=777, pw_gid=778) if name.endswith("-mail") else {}[name]
    )
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [900, gid])
    monkeypatch.setattr(grp, "getgrnam", lambda name: SimpleNamespace(gr_gid=groups[name]))
    identities = Identities(Server("users"))
    assert identities.of("mail") == Identity(777, 778, (900,))
    assert identities.of("privileged") == Identity(0, 0, (900,))
    assert identities.group("admin") == 901
    with pytest.raises(LookupError, match="no system user schoolserver-auth"):
        identities.of("auth")
    groups.clear()
    with pytest.raises(LookupError, match="no group schoolserver-admin"):
        identities.group("admin")


@pytest.mark.parametrize("mode", ["users", "numbers", "same"])
def test_an_unknown_part(mode):
    with pytest.raises(KeyError):
        Identities(Server(mode)).of("nobody")
    with pytest.raises(KeyError):
        Identities(Server(mode)).group("wheel")
