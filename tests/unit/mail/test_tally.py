"""Recipients within the last hour: of all workers, over kill -9, and never fewer than there were."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.mail.tally import SLOT, Tally

FIRST, LAST = 20_000, 20_099
FRED, GINA = 20_001, 20_099
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tally(tmp_path):
    made = []

    def make(first=FIRST, last=LAST):
        made.append(Tally(tmp_path / "tally", first, last))
        return made[-1]

    yield make
    for one in made:
        one.close()


def minutes(number):
    return NOW + timedelta(minutes=number)


def test_it_slides(tally):
    one = tally()
    assert one.in_last_hour(FRED, NOW) == 0
    one.add(FRED, 30, NOW)
    one.add(FRED, 7, minutes(4))
    one.add(FRED, 5, minutes(20))
    one.add(GINA, 1, minutes(20))
    assert one.in_last_hour(FRED, minutes(20)) == 42
    assert one.in_last_hour(FRED, minutes(64)) == 42
    assert one.in_last_hour(FRED, minutes(65)) == 5
    assert one.in_last_hour(FRED, minutes(85)) == 0
    one.add(FRED, 2, minutes(65))
    assert one.in_last_hour(FRED, minutes(66)) == 7
    assert one.in_last_hour(GINA, minutes(66)) == 1


def test_when_there_is_room_again(tally):
    one = tally()
    assert one.free_at(FRED, 100, 100, NOW) == NOW
    one.add(FRED, 60, NOW)
    one.add(FRED, 40, minutes(10))
    assert one.free_at(FRED, 1, 100, minutes(11)) == minutes(65)
    assert one.free_at(FRED, 61, 100, minutes(11)) == minutes(75)
    assert one.free_at(FRED, 101, 100, minutes(11)) is None
    for count in (1, 60, 61, 100):
        at = one.free_at(FRED, count, 100, minutes(11))
        assert one.in_last_hour(FRED, at) + count <= 100 < one.in_last_hour(FRED, at - timedelta(seconds=1)) + count


def test_all_workers_count_and_the_next_goes_on(tally, tmp_path):
    one, other = tally(), tally()
    one.add(FRED, 1, NOW)
    other.add(FRED, 2, NOW)
    assert one.in_last_hour(FRED, NOW) == other.in_last_hour(FRED, NOW) == 3
    other.close()
    third = tally()
    third.add(FRED, 4, NOW)
    assert one.in_last_hour(FRED, NOW) == 7
    assert sorted(path.name for path in (tmp_path / "tally").iterdir()) == ["0.tally", "1.tally"]


def test_a_worker_that_is_gone_counts_on(tally):
    one = tally()
    one.add(FRED, 5, NOW)
    second = tally()
    second.add(FRED, 6, NOW)
    second.close()
    one.close()
    assert tally().in_last_hour(FRED, NOW) == 11


def test_it_survives_kill_9(tmp_path, tally):
    code = """if True:
        import sys; from datetime import datetime, UTC; from pathlib import Path; from appliance.mail.tally import Tally
        one = Tally(Path(sys.argv[1]), 20000, 20099)
        one.add(20001, 33, datetime(2026, 9, 1, 10, 0, tzinfo=UTC)); print("added", flush=True); sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "tally")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout.readline() == b"added\n"
        writer.send_signal(signal.SIGKILL)
    assert tally().in_last_hour(FRED, minutes(1)) == 33


@pytest.mark.parametrize("uid", [0, FIRST - 1, LAST + 1, 2**40, -1])
def test_an_id_that_is_no_accounts_is_not_counted(tally, uid):
    one = tally()
    one.add(uid, 700, NOW)
    assert one.in_last_hour(uid, NOW) == 0
    assert sum(one.in_last_hour(other, NOW) for other in range(FIRST, LAST + 1)) == 0


def test_other_ids_in_the_settings_lose_nothing(tally):
    one = tally()
    one.add(FRED, 3, NOW)
    one.close()
    assert tally(FIRST, LAST + 50).in_last_hour(FRED, NOW) == 3


def test_a_clock_that_was_wrong_blocks_nobody(tally):
    one = tally()
    one.add(FRED, 90, NOW + timedelta(days=400))
    assert one.in_last_hour(FRED, NOW) == 0
    one.add(FRED, 1, NOW)
    assert one.in_last_hour(FRED, NOW) == 1


def test_a_file_that_is_no_table_is_made_one(tally, tmp_path):
    (tmp_path / "tally").mkdir()
    (tmp_path / "tally" / "0.tally").write_bytes(bytes(5_000))
    one = tally()
    one.add(FRED, 2**40, NOW)
    assert one.in_last_hour(FRED, NOW) == 2**32 - 1
    one.close()
    one.add(FRED, 1, NOW)
    assert os.stat(tmp_path / "tally" / "0.tally").st_mode & 0o077 == 0


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3 * 3600), st.integers(1, 50)), max_size=40), st.integers(0, 3 * 3600))
def test_never_fewer_than_in_the_hour_and_none_older_than_a_step_more(tmp_path_factory, sent, then):
    one = Tally(tmp_path_factory.mktemp("t"), FIRST, FIRST)
    sent = sorted((at, count) for at, count in sent if at <= then)
    for at, count in sent:
        one.add(FIRST, count, NOW + timedelta(seconds=at))
    found = one.in_last_hour(FIRST, NOW + timedelta(seconds=then))
    one.close()
    assert sum(count for at, count in sent if at > then - 3600) <= found
    assert found <= sum(count for at, count in sent if at > then - 3600 - SLOT)
