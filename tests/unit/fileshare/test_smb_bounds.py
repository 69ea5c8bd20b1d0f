"""How large a file over SMB may become: whatever is asked, never beyond limit, space or disk."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.fileshare.smb.bounds import Cuts, Room, confined, largest

sizes = st.integers(0, 10**12)
rooms = st.builds(Room, sizes, sizes, sizes)


@given(sizes, st.none() | rooms)
def test_nothing_grows_on_a_full_disk(upload: int, room: Room | None) -> None:
    assert largest(upload, room, full=True) == 0


@given(sizes, rooms)
def test_neither_the_limit_nor_what_is_left_is_exceeded(upload: int, room: Room) -> None:
    found = largest(upload, room, full=False)
    assert 0 <= found <= upload
    assert found <= room.left + room.grown


@given(sizes, sizes, sizes)
def test_who_may_have_written_all_that_was_left_is_held_still(upload: int, left: int, more: int) -> None:
    assert largest(upload, Room(left, written=left + more), full=False) == 0


def test_without_a_quota_the_limit_alone_counts() -> None:
    assert largest(20, None, full=False) == 20


def test_an_open_file_may_go_on_for_as_much_as_is_left() -> None:
    assert largest(1000, Room(left=10, written=9, grown=500), full=False) == 510


@given(st.lists(sizes, min_size=1))
def test_an_smbd_is_held_to_the_least_and_one_byte_that_tells_a_cut_file(wanted: list[int]) -> None:
    assert confined(wanted) == (min(wanted) + 1 if min(wanted) else 0)


def test_nobody_there_means_that_nothing_grows() -> None:
    assert confined([]) == 0


def test_a_limit_is_suspect_from_its_first_instant_and_if_so_much_was_written() -> None:
    cuts = Cuts(begun=10.0)
    cuts.note(1001, 20.0)
    cuts.note(1001, 30.0)
    cuts.note(2001, 40.0)
    assert cuts.suspects(1000) == {}
    assert cuts.suspects(1001) == {1001: 20.0}
    assert cuts.suspects(5000) == {1001: 20.0, 2001: 40.0}


def test_a_limit_of_nothing_cuts_no_file() -> None:
    cuts = Cuts(begun=10.0)
    cuts.note(0, 20.0)
    assert cuts.suspects(10**9) == {}


def test_a_limit_that_changes_all_the_time_fills_no_memory() -> None:
    cuts = Cuts(begun=0.0)
    for limit in range(1, 10_000):
        cuts.note(limit, 1.0)
    assert len(cuts.suspects(10**9)) <= 1000


def test_of_very_many_limits_those_that_were_in_force_last_are_known() -> None:
    """Else whoever churned them would leave a cut file that nobody knows as one."""
    cuts = Cuts(begun=0.0)
    for limit in range(1, 10_000):
        cuts.note(limit, 1.0)
        cuts.note(20_001, float(limit))
    assert 9_999 in cuts.suspects(10**9)
    assert cuts.suspects(10**9)[20_001] == 1.0, "it has been in force since then"
