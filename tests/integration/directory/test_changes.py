"""What changed is found without reading all again, and leads where a full read leads: whoever did it, however."""

import itertools
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.daemon.secret import Secret
from appliance.directory.changes_openldap import OpenLdapFollower, Standing
from appliance.directory.client import Directory, connect
from appliance.directory.link import Link
from appliance.directory.mirror import Mirror
from appliance.directory.reader import Reader
from appliance.directory.slapd.embedded import embedded
from appliance.policy.account import GroupKind
from tests.integration.directory.behind import Behind, start_rooted
from tests.integration.directory.conftest import Server, opened
from tests.integration.support_domain import RunningDomain, possible, start_domain

GOOD = Secret("Schöner-Tag-7")
FEW = 12
SLAPD = pytest.param(start_rooted, id="slapd")
DOMAIN = pytest.param(start_domain, id="domain", marks=possible)


@pytest.fixture(scope="module", params=[SLAPD, DOMAIN])
def running(request):
    """A directory for all these tests, and the connection of somebody who may do everything in it."""
    folder = Path(tempfile.mkdtemp(prefix="ss-", dir="/tmp"))
    try:
        with request.param(folder) as server:
            school, behind = opened(server), Behind(server)
            for number in range(30):
                school.account(f"viele.nr{number}")
            yield school, behind
            behind.close()
            school.close()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def on_slapd(running):
    if running[1].domain:
        pytest.skip("that is about slapd")


@pytest.fixture
def on_domain(running):
    if not running[1].domain:
        pytest.skip("slapd keeps nothing of what was deleted")


@dataclass
class Cast:
    """Who is on stage in one test: ``a``, ``b`` and ``c`` are in the group ``one``, ``a`` is in ``two`` as well."""

    supervisor: Directory
    auth: Directory
    behind: Behind
    server: Server
    a: str
    b: str
    c: str
    new: str
    one: str
    two: str
    account: Callable[..., str]
    group: Callable[..., str]

    def person(self, login: str, above: str = "") -> str:
        return self.behind.person(login, above)

    def first(self, login: str) -> str:
        return self.behind.person(login).partition(",")[0]


@pytest.fixture
def cast(running):
    school, behind = running
    number = next(school.numbers)
    a, b, c = (school.account(f"{letter}.nr{number}") for letter in "abc")
    one, two = school.group(f"klasse{number}"), school.group(f"chor{number}", GroupKind.CLUB)
    school.supervisor.add_members(one, [a, b, c])
    school.supervisor.add_members(two, [a])
    people, new = (a, b, c), f"neu.nr{number}"
    return Cast(
        school.supervisor, school.auth, behind, school.server, *people, new, one, two, school.account, school.group
    )


@pytest.fixture
def read(monkeypatch):
    """The names of the entries that are read in whole, not for their marks alone."""
    seen, search = [], Link.search

    def counted(*args, **more):
        for entry in search(*args, **more):
            if "gidNumber" in entry.attributes or "uidNumber" in entry.attributes:
                seen.append(entry.name)
            yield entry

    monkeypatch.setattr(Link, "search", counted)
    return seen


def meaning(state):
    return state.accounts, state.groups, state.foreign


def whole(school):
    """What somebody reads who knows nothing yet."""
    directory = connect(school.server.settings, "supervisor")
    state = directory.read()
    directory.close()
    return meaning(state)


def place_of(server):
    """Where its databases are."""
    return server.place.folder if isinstance(server, RunningDomain) else embedded(server.settings).database


def renamed_and_back(s):
    s.behind.rename(s.person(s.a), s.first(s.new))
    s.behind.rename(s.person(s.new), s.first(s.a))


def renamed_for_another(s):
    s.behind.rename(s.person(s.a), s.first(s.new))
    if s.behind.domain:
        for attribute, value in (("sAMAccountName", s.new), ("userPrincipalName", f"{s.new}@schule.example")):
            s.behind.change(s.person(s.new), attribute, value)
    s.account(s.a)


def moved(s, folder):
    s.behind.rename(s.person(s.a), s.first(s.a), folder)


def moved_there_and_back(s):
    folder = s.behind.folder(f"fort{s.one}", s.behind.tree.base)
    s.account(s.new)  # slapd 2.5 moves nothing back out of a folder that is younger than the entry
    assert s.new in {one.login for one in s.supervisor.read().accounts}
    s.behind.rename(s.person(s.new), s.first(s.new), folder)
    assert meaning(s.supervisor.read()) == whole(s)
    s.behind.rename(s.person(s.new, folder), s.first(s.new), s.behind.tree.people)


def in_a_folder(s):
    folder = s.behind.folder(f"drin{s.one}")
    s.account(s.new)
    s.supervisor.add_members(s.one, [s.new])
    s.behind.rename(s.person(s.new), s.first(s.new), folder)
    assert meaning(s.supervisor.read()) == whole(s)
    return folder


def folder_renamed(s):
    s.behind.rename(in_a_folder(s), f"ou=draussen{s.one}")


def folder_moved_away(s):
    s.behind.rename(in_a_folder(s), f"ou=drin{s.one}", s.behind.tree.base)


def removed_and_added(s):
    s.behind.delete(s.person(s.a))
    s.account(s.a)


def everything_at_once(s):
    s.account(s.new)
    s.supervisor.add_members(s.one, [s.new])
    s.supervisor.remove_group(s.two)
    s.behind.delete(s.person(s.b))
    s.supervisor.update_account(s.c, surname="Anders")


CHANGES = {
    "account changed": lambda s: s.supervisor.update_account(s.a, surname="Anders"),
    "account added": lambda s: s.account(s.new),
    "account added with a password": lambda s: (s.account(s.new), s.auth.set_password(s.new, GOOD, must_change=True)),
    "password set": lambda s: s.auth.set_password(s.a, GOOD, must_change=False),
    "account disabled": lambda s: s.supervisor.set_disabled(s.a, True),
    "account removed": lambda s: s.supervisor.remove_account(s.a),
    "account removed behind our back": lambda s: s.behind.delete(s.person(s.a)),
    "removed and added with the same login": removed_and_added,
    "account renamed": lambda s: s.behind.rename(s.person(s.a), s.first(s.new)),
    "account renamed there and back": renamed_and_back,
    "account renamed, and its name given to another": renamed_for_another,
    "account moved within our folder": lambda s: moved(s, s.behind.folder(f"drin{s.one}")),
    "account moved out of our folder": lambda s: moved(s, s.behind.folder(f"fort{s.one}", s.behind.tree.base)),
    "account moved out and in again": moved_there_and_back,
    "account moved among the groups": lambda s: moved(s, f"ou=class,{s.behind.tree.groups}"),
    "folder renamed": folder_renamed,
    "folder moved away": folder_moved_away,
    "account becomes foreign": lambda s: s.behind.change(s.person(s.a), "employeeType", "janitor"),
    "member added": lambda s: s.supervisor.add_members(s.two, [s.b]),
    "member added behind our back": lambda s: s.behind.join(s.behind.group(s.one), s.person("viele.nr7")),
    "member removed": lambda s: s.supervisor.remove_members(s.one, [s.b]),
    "group added": lambda s: s.group(s.new),
    "group removed": lambda s: s.supervisor.remove_group(s.one),
    "group renamed": lambda s: s.behind.rename(s.behind.group(s.one), f"cn={s.new}"),
    "group of another kind": lambda s: s.behind.rename(
        s.behind.group(s.one), f"cn={s.one}", f"ou=course,{s.behind.tree.groups}"
    ),
    "group becomes foreign": lambda s: s.behind.rename(
        s.behind.group(s.one), f"cn={s.one}", s.behind.folder(f"anders{s.one}", s.behind.tree.groups)
    ),
    "everything at once": everything_at_once,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_leads_where_a_full_read_leads(cast, change, read):
    before = cast.supervisor.read()
    change(cast)
    read.clear()
    after = cast.supervisor.read()
    if "folder" not in change.__name__:
        assert len(read) <= FEW, "not all is read again"
    assert meaning(after) == whole(cast)
    assert after.cookie != before.cookie or meaning(after) == meaning(before)
    assert cast.supervisor.read() is after, "and then nothing more is found"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_so_it_does_in_somebody_elses_slapd(on_slapd, cast, change, read):
    """Whose counters say nothing, for others may write to it by replication."""
    reader = Reader(replace(cast.supervisor._place, computed=False))
    reader.read()
    change(cast)
    read.clear()
    after = reader.read()
    assert len(read) <= FEW
    assert meaning(after) == whole(cast)
    assert reader.read() is after


def test_what_is_found_nowhere_is_seen_in_time(on_slapd, cast):
    """A slapd that moves no mark: its clock was set back, or it has no contextCSN."""
    now, place = [0.0], cast.supervisor._place
    follower = OpenLdapFollower(place, counted=False, clock=lambda: now[0])
    follower._standing = lambda _link: Standing(())
    with place.link() as link:
        known = follower.follow(link, Mirror(), anew=True)
        cast.account(cast.new)
        assert follower.follow(link, known, anew=False) is known
        now[0] = 31.0
        after = follower.follow(link, known, anew=False)
    assert cast.new in {one.login for one in after.state.accounts}


def test_log_ons_are_no_news(cast, read):
    cast.auth.set_password(cast.a, GOOD, must_change=False)
    before = cast.supervisor.read()
    read.clear()
    for password in (GOOD, Secret("falsch"), Secret("falsch"), GOOD):
        cast.auth.check(cast.a, password)
        assert cast.supervisor.read() is before
    assert len(read) <= 4


def test_an_account_that_comes_back_from_the_dead(on_domain, cast):
    cast.supervisor.read()
    cast.behind.delete(cast.person(cast.a))
    assert cast.a not in {one.login for one in cast.supervisor.read().accounts}
    cast.behind.undelete(cast.a)
    assert meaning(cast.supervisor.read()) == whole(cast)


def test_at_random(cast):
    """A long walk of what somebody may do, looked at now and then."""
    chance, number = random.Random(7), itertools.count()
    logins, others, groups = [cast.a, cast.b, cast.c], ["viele.nr1", "viele.nr2"], [cast.one, cast.two]

    def added():
        logins.append(cast.account(f"neu.nr{next(number)}x{cast.one}"))

    def removed():
        if logins:
            cast.behind.delete(cast.person(logins.pop(chance.randrange(len(logins)))))

    def again():
        removed_and_added(replace(cast, a=chance.choice(others)))

    steps = [
        added,
        removed,
        again,
        lambda: cast.supervisor.update_account(chance.choice(logins + others), surname=chance.choice("ABC")),
        lambda: cast.supervisor.add_members(chance.choice(groups), chance.sample(logins + others, 2)),
        lambda: cast.supervisor.remove_members(chance.choice(groups), [chance.choice(logins + others)]),
        lambda: groups.append(cast.group(f"neu{next(number)}{cast.one}")),
        lambda: cast.supervisor.remove_group(groups.pop()) if len(groups) > 2 else None,
    ]
    for _ in range(50):
        chance.choice(steps)()
        if chance.random() < 0.3:
            assert meaning(cast.supervisor.read()) == whole(cast)


def test_changes_while_it_is_read(cast):
    """Two write all the time; once they have ended, what is known is what is there."""
    cast.supervisor.read()
    others, going = {cast.a: "viele.nr10", cast.b: "viele.nr11"}, threading.Event()
    failed = []

    def write(login):
        try:
            for number in range(15):
                cast.supervisor.update_account(login, surname=f"Anders{number}")
                going.set()
                if number % 5 == 0:
                    cast.supervisor.remove_members(cast.one, [login])
                    cast.supervisor.remove_account(others[login])
                    cast.account(others[login])
                    cast.supervisor.add_members(cast.one, [login])
        except Exception as error:  # told below
            failed.append(error)

    threads = [threading.Thread(target=write, args=(login,)) for login in others]
    for thread in threads:
        thread.start()
    going.wait(30)
    while any(thread.is_alive() for thread in threads):
        cast.supervisor.read()
    for thread in threads:
        thread.join()
    assert not failed
    assert meaning(cast.supervisor.read()) == whole(cast)


def test_a_database_brought_back_from_a_copy(cast):
    """What was written after the copy is gone, and the next change may get the same number again."""
    folder, copy = place_of(cast.server), place_of(cast.server).with_name("copy")
    cast.supervisor.read()
    cast.server.kill(signal.SIGTERM)
    subprocess.run(["cp", "-a", folder, copy], check=True)
    cast.server.start()
    cast.behind.open()
    cast.supervisor.update_account(cast.a, surname="Vorher")
    assert meaning(cast.supervisor.read()) == whole(cast)
    cast.server.kill(signal.SIGTERM)
    shutil.rmtree(folder)
    copy.rename(folder)
    cast.server.start()
    cast.behind.open()
    cast.supervisor.update_account(cast.a, surname="Nachher")
    state = cast.supervisor.read()
    assert meaning(state) == whole(cast)
    assert [one.surname for one in state.accounts if one.login == cast.a] == ["Nachher"]


def test_a_clock_that_was_set_back(short):
    """All that slapd wrote has a time that is yet to come: what it writes now looks older."""
    with start_rooted(short) as slapd:
        school = opened(slapd)
        for login in ("anna.a", "ben.b", "carl.c"):
            school.account(login)
        server = embedded(slapd.settings)
        slapd.kill(signal.SIGTERM)
        run = {"check": True, "text": True, "capture_output": True}
        ldif = subprocess.run(["/usr/sbin/slapcat", "-f", server.config], **run).stdout
        for file in server.database.iterdir():
            file.unlink()
        later = re.sub(r"^(entryCSN|contextCSN): 20(..)", r"\1: 21\2", ldif, flags=re.MULTILINE)
        subprocess.run(["/usr/sbin/slapadd", "-f", server.config], input=later, **run)
        slapd.start()
        school.supervisor.read()
        behind = Behind(slapd)
        for change in (
            lambda: school.supervisor.update_account("anna.a", surname="Anders"),
            lambda: behind.delete(behind.person("ben.b")),
            lambda: school.account("dora.d"),
            lambda: behind.rename(behind.person("carl.c"), "uid=carl.x"),
        ):
            before = school.supervisor.read()
            change()
            assert school.supervisor.changed(before.cookie)
            directory = connect(slapd.settings, "supervisor")
            assert meaning(school.supervisor.read()) == meaning(directory.read())
            directory.close()
        behind.close()
        school.close()
