"""Whatever happened in a directory, and however it was noticed: the mirror says what a full read says."""

from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from appliance.directory.entries import FoundGroup
from appliance.directory.mirror import Mirror, Seen
from appliance.directory.records import DirectoryAccount, DirectoryGroup
from appliance.policy.account import GroupKind, Role

NAMES = [f"cn={letter},ou=people" for letter in "abcd"]
GROUPS = [f"cn={letter},ou=groups" for letter in "xy"]


def account(ident, name, shown="A"):
    login = name.partition(",")[0].removeprefix("cn=")
    return DirectoryAccount(UUID(int=ident), login, 20000 + ident, shown, shown, shown, f"{login}@x", Role.PUPIL)


def group(name, members=(), title="T"):
    login = name.partition(",")[0].removeprefix("cn=")
    return FoundGroup(DirectoryGroup(login, GroupKind.CLASS, 30000 + ord(login), title), tuple(members))


@dataclass
class World:
    """A directory as such, which counts its changes; ``noticed`` is up to where its mirror has gone."""

    entries: dict[bytes, Seen] = field(default_factory=dict)
    count: int = 0
    noticed: int = 0
    removed: set[bytes] = field(default_factory=set)

    def put(self, ident: int, name: str, what) -> None:
        if all(one.name != name or one.ident == bytes([ident]) for one in self.entries.values()):
            self.count += 1
            self.entries[bytes([ident])] = Seen(bytes([ident]), b"%06d" % self.count, name, what)
            self.removed.discard(bytes([ident]))

    def remove(self, ident: int) -> None:
        if self.entries.pop(bytes([ident]), None):
            self.removed.add(bytes([ident]))

    def whole(self) -> Mirror:
        return Mirror().after(self.entries.values())

    def changes(self, tell_gone: bool):
        found = [one for one in self.entries.values() if int(one.mark) > self.noticed]
        gone = self.removed if tell_gone else frozenset()
        self.noticed, self.removed = self.count, set()
        return found, gone


person = st.tuples(st.just("account"), st.integers(1, 5), st.sampled_from(NAMES), st.sampled_from("AB"), st.booleans())
club = st.tuples(
    st.just("group"),
    st.integers(6, 8),
    st.sampled_from(GROUPS),
    st.lists(st.sampled_from([*NAMES, "cn=nobody"]), unique=True),
    st.booleans(),
)
removal = st.tuples(st.just("remove"), st.integers(1, 8))
look = st.tuples(st.just("look"))


def act(world, step):
    match step:
        case ("account", ident, name, shown, foreign):
            world.put(ident, name, None if foreign else account(ident, name, shown))
        case ("group", ident, name, members, foreign):
            world.put(ident, name, None if foreign else group(name, members))
        case ("remove", ident):
            world.remove(ident)


@given(st.lists(st.one_of(person, club, removal, look), max_size=40))
def test_changes_lead_where_a_full_read_leads(steps):
    world, mirror = World(), Mirror()
    for step in [*steps, ("look",)]:
        act(world, step)
        if step == ("look",):
            mirror = mirror.after(*world.changes(tell_gone=True))
            assert mirror.seen == world.entries
            assert mirror.state == world.whole().state


@given(st.lists(st.one_of(person, club, removal, look), max_size=40))
def test_a_full_read_leads_there_from_anywhere(steps):
    world, mirror = World(), Mirror()
    for step in [*steps, ("look",)]:
        act(world, step)
        if step == ("look",):
            mirror = mirror.after(world.entries.values(), mirror.seen.keys() - world.entries.keys())
            assert mirror.state == world.whole().state


@given(st.lists(st.one_of(person, club, removal), max_size=20), st.lists(st.one_of(person, club, removal), max_size=5))
def test_who_stays_the_same_stays_the_same_object(first, then):
    world = World()
    for step in first:
        act(world, step)
    before = Mirror().after(*world.changes(tell_gone=True))
    for step in then:
        act(world, step)
    after = before.after(*world.changes(tell_gone=True))
    objects = {one.uuid: one for one in before.state.accounts}
    for one in after.state.accounts:
        known = objects.get(one.uuid)
        renamed = before.seen[one.uuid.int.to_bytes(1, "big")].name if known else None
        if known == one and renamed == after.seen[one.uuid.int.to_bytes(1, "big")].name:
            assert one is known
    if before.state == after.state:
        assert before.state is after.state


def test_another_mark_is_no_news():
    a = Seen(b"a", b"1", NAMES[0], account(1, NAMES[0]))
    before = Mirror().after([a])
    after = before.after([Seen(b"a", b"2", NAMES[0], account(1, NAMES[0]))])
    assert after.state is before.state
    assert after.seen[b"a"].mark == b"2"


def test_a_name_belongs_to_one_entry():
    before = Mirror().after([Seen(b"a", b"1", NAMES[0], account(1, NAMES[0]))])
    after = before.after([Seen(b"b", b"2", NAMES[0], account(2, NAMES[0]))])
    assert [one.uid for one in after.state.accounts] == [20002]


def test_found_in_two_folders_it_is_what_it_was_found_as_first():
    mirror = Mirror().after([Seen(b"a", b"1", NAMES[0], account(1, NAMES[0])), Seen(b"a", b"1", NAMES[0], None)])
    assert (len(mirror.state.accounts), mirror.state.foreign) == (1, 0)


def test_groups_that_name_somebody():
    mirror = Mirror().after(
        [
            Seen(b"a", b"1", NAMES[0], account(1, NAMES[0])),
            Seen(b"x", b"1", GROUPS[0], group(GROUPS[0], [NAMES[0]])),
            Seen(b"y", b"1", GROUPS[1], group(GROUPS[1], [NAMES[1]])),
        ]
    )
    assert mirror.groups_with({NAMES[0]}) == {b"x"}
    assert mirror.accounts() == {b"a": NAMES[0]}
