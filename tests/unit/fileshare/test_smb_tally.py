"""Who is counted when, and who is held still until then; on a clock of the test."""

from dataclasses import dataclass

import pytest

from appliance.fileshare.smb.tally import Tally

KIB = 1024


@dataclass
class Guest:
    uid: int = 20000
    login: str = "fred"
    quota: int = 1000 * KIB
    upload: int = 400 * KIB
    grown: int = 0


class World:
    """Bytes in the ledger by uid, the time, and whether the disk is full."""

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}
        self.now = 100.0
        self.full = False
        self.tally = Tally(self, lambda: self.full, lambda: self.now)

    def of(self, uid: int) -> int:
        return self.bytes.get(uid, 0)

    def due(self, *guests: Guest) -> set[int]:
        return set(self.tally.due(guests)[0])


@pytest.fixture
def world() -> World:
    return World()


def test_a_file_may_be_as_large_as_limit_quota_and_disk_allow(world: World) -> None:
    fred = Guest()
    assert world.tally.largest(fred) == fred.upload
    world.bytes[fred.uid] = 900 * KIB
    assert world.tally.largest(fred) == 100 * KIB
    world.full = True
    assert world.tally.largest(fred) == 0


def test_over_the_quota_nothing_grows_and_without_one_all_does(world: World) -> None:
    world.bytes[20000] = 5000 * KIB
    assert world.tally.largest(Guest()) == 0
    assert world.tally.largest(Guest(quota=0)) == 400 * KIB


def test_who_wrote_is_counted_when_he_has_stopped_for_a_moment(world: World) -> None:
    fred = Guest()
    world.tally.wrote(fred, 50 * KIB)
    assert not world.due(fred)
    world.now += 1.9
    assert not world.due(fred)
    world.now += 0.2
    assert world.due(fred) == {fred.uid}


def test_who_never_stops_is_counted_all_the_same(world: World) -> None:
    fred = Guest(quota=0)
    for _ in range(20):
        world.tally.wrote(fred, 50 * KIB)
        world.now += 1
    assert world.due(fred) == {fred.uid}


def test_what_an_smbd_writes_for_itself_counts_nobody(world: World) -> None:
    fred = Guest()
    world.tally.wrote(fred, 100)
    world.now += 1000
    assert not world.due(fred)
    assert world.tally.largest(fred) == fred.upload


def test_who_may_have_used_up_what_was_left_is_held_still_and_counted_at_once(world: World) -> None:
    fred = Guest()
    world.bytes[fred.uid] = 950 * KIB
    world.tally.wrote(fred, 50 * KIB)
    assert world.tally.largest(fred) == 0
    assert world.tally.due([fred]) == ({fred.uid: "fred"}, True)
    world.tally.take([fred.uid])
    assert world.tally.largest(fred) == 0, "he is being counted: nothing is known yet"
    world.tally.counted([])
    assert world.tally.largest(fred) == 50 * KIB, "he had only written the same bytes again"


def test_who_is_being_counted_has_no_more_room_than_before_and_what_he_writes_then_is_for_later(world: World) -> None:
    fred = Guest()
    world.tally.wrote(fred, 600 * KIB)
    world.tally.take([fred.uid])
    world.tally.wrote(fred, 100 * KIB)
    room = world.tally.room(fred)
    assert room is not None
    assert room.written == 700 * KIB
    world.bytes[fred.uid] = 600 * KIB
    world.tally.counted([])
    room = world.tally.room(fred)
    assert room is not None
    assert (room.left, room.written) == (400 * KIB, 100 * KIB)


def test_who_writes_by_another_service_all_the_time_is_not_forgotten(world: World) -> None:
    fred = Guest()
    for _ in range(100):
        world.tally.wrote(fred, 20 * KIB)
        world.tally.take([fred.uid])
        world.tally.counted([fred.uid])  # the count was not taken
    assert world.tally.largest(fred) == 0
    world.tally.take([fred.uid])
    world.tally.counted([])
    assert world.tally.largest(fred) == fred.upload


def test_whose_deleted_files_are_held_is_counted_soon_though_he_is_not_there(world: World) -> None:
    world.tally.again(20007, "frida")
    assert world.tally.due([]) == ({20007: "frida"}, False)


def test_who_has_little_left_is_looked_at_often(world: World) -> None:
    fred, rich, free = Guest(quota=100 << 20), Guest(uid=20001, quota=10 << 30), Guest(uid=20002, quota=0)
    assert not world.tally.pressing([fred, rich, free])
    world.tally.wrote(fred, 60 << 20)
    assert world.tally.pressing([fred, rich, free]) == {fred.uid}
    world.tally.wrote(fred, 40 << 20)
    assert not world.tally.pressing([fred, rich, free]), "he is held still"


def test_who_went_is_counted_though_nobody_saw_him_write(world: World) -> None:
    world.tally.wrote(Guest(), 0, gone=True)
    assert world.due() == {20000}


def test_who_has_no_space_is_counted_now_and_then_for_he_may_be_making_room(world: World) -> None:
    fred = Guest()
    world.bytes[fred.uid] = fred.quota
    assert world.due(fred) == {fred.uid}
    world.tally.take([fred.uid])
    world.now += 9.9
    assert not world.due(fred)
    world.now += 0.2
    assert world.due(fred) == {fred.uid}


def test_what_could_not_be_counted_is_counted_later_with_what_came_meanwhile(world: World) -> None:
    fred = Guest()
    world.tally.wrote(fred, 50 * KIB)
    world.tally.take([fred.uid])
    world.now += 5
    world.tally.wrote(fred, 20 * KIB)
    world.tally.counted([fred.uid])
    world.now += 2.1
    assert world.due(fred) == {fred.uid}
    (again,) = world.tally.take([fred.uid]).values()
    assert (again.size, again.first) == (70 * KIB, 100.0)
