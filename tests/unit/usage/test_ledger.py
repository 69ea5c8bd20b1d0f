"""Base and deltas make the right sum at any moment; an id that is no account's counts nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.usage.delta import Delta, Place
from appliance.usage.ledger import Entry, Usage, read_base, write_base
from appliance.usage.table import Shape, Table, write_empty

FIRST, LAST = 20_000, 20_099
FRED, ANNA = 20_001, 20_099
ROOT = Path(__file__).resolve().parents[3]


class Clock:
    """Each look is a second after the one before."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.fixture
def delta(tmp_path):
    made = []

    def make(place=Place.FILES, first=FIRST, last=LAST):
        made.append(Delta(tmp_path, place, first, last))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def usage(tmp_path):
    reading = Usage(tmp_path, Clock())
    yield reading
    reading.close()


@pytest.fixture
def base(tmp_path):
    (tmp_path / "base").mkdir()
    return lambda entries: write_base(tmp_path / "base" / "ledger", entries, FIRST, LAST, -1)


def test_with_nothing_there_it_is_0_and_not_known(usage):
    assert usage.of(FRED) == 0
    assert usage.counted(FRED) is None
    assert not usage.known


def test_what_writers_add_is_seen_at_once(usage, delta):
    files, mail = delta(), delta(Place.MAIL)
    files.add(FRED, 700)
    mail.add(FRED, 30)
    mail.add(ANNA, 5)
    assert usage.parts(FRED) == (30, 700)
    assert usage.of(ANNA) == 5
    files.add(FRED, -100)
    assert usage.of(FRED) == 630
    assert usage.added(FRED) == (30, 600)


def test_several_writers_have_files_of_their_own_and_go_on_with_left_ones(usage, delta, tmp_path):
    one, other = delta(), delta()
    one.add(FRED, 1)
    other.add(FRED, 2)
    assert usage.of(FRED) == 3
    other.close()
    third = Delta(tmp_path, Place.FILES, FIRST, LAST)
    third.add(FRED, 4)
    assert usage.of(FRED) == 7
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["0.delta", "1.delta"]
    third.close()
    os.close(os.open(tmp_path / "files" / "x.delta", os.O_CREAT))  # a file just being made
    assert usage.of(FRED) == 7


def test_other_ids_in_the_settings_make_a_new_file_and_lose_nothing(usage, delta, tmp_path):
    old = Delta(tmp_path, Place.FILES, FIRST, LAST)
    old.add(FRED, 1)
    old.close()
    new = delta(Place.FILES, FIRST, LAST + 50)
    new.add(FRED, 2)
    new.add(LAST + 50, 9)
    assert usage.of(FRED) == 3
    assert usage.of(LAST + 50) == 9


@pytest.mark.parametrize("uid", [0, FIRST - 1, LAST + 1, 2**40, -1])
def test_an_id_that_is_no_accounts_is_not_counted(usage, delta, base, uid):
    base({uid: Entry(5, 5)})
    delta().add(uid, 700)
    assert usage.of(uid) == 0
    assert sum(usage.of(other) for other in range(FIRST, LAST + 1)) == 0


def test_the_base_counts_and_what_was_in_it_already_does_not_count_again(usage, delta, base):
    files = delta()
    files.add(FRED, 700)
    base({FRED: Entry(1_000, 5_000, 0, 700)})
    assert usage.parts(FRED) == (1_000, 5_000)
    assert usage.counted(FRED) == Entry(1_000, 5_000, 0, 700)
    files.add(FRED, 50)
    assert usage.parts(FRED) == (1_000, 5_050)
    base({FRED: Entry(900, 5_050, 0, 750)})
    assert usage.parts(FRED) == (900, 5_050)
    assert usage.known


def test_it_is_never_below_0(usage, delta):
    delta().add(FRED, -5)
    assert usage.of(FRED) == 0


def test_a_base_that_is_not_whole_leaves_the_former_one(usage, base, tmp_path):
    base({FRED: Entry(1, 2)})
    assert usage.of(FRED) == 3
    path = tmp_path / "base" / "ledger"
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[:500])
    other.rename(path)
    assert usage.of(FRED) == 3
    path.unlink()
    assert usage.of(FRED) == 0


def test_files_that_are_gone_count_no_more(usage, tmp_path):
    one = Delta(tmp_path, Place.MAIL, FIRST, LAST)
    one.add(FRED, 4)
    assert usage.of(FRED) == 4
    one.close()
    (tmp_path / "mail" / "0.delta").unlink()
    assert usage.of(FRED) == 0


def test_new_files_are_not_looked_for_at_each_question(tmp_path, delta):
    usage = Usage(tmp_path, lambda: 1.0)
    assert usage.of(FRED) == 0
    delta().add(FRED, 4)
    assert usage.of(FRED) == 0
    usage.refresh()
    assert usage.of(FRED) == 4
    usage.close()


def test_the_base_comes_back(tmp_path):
    path = tmp_path / "ledger"
    write_base(path, {FRED: Entry(1, 2, 3, 4), ANNA: Entry(5, 6)}, FIRST, LAST, -1)
    assert read_base(path) == {FRED: Entry(1, 2, 3, 4), ANNA: Entry(5, 6)}
    assert read_base(tmp_path / "none") is None
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("length", [0, 31, 64, 200])
def test_a_cut_file_is_no_table_and_a_writer_makes_it_one(tmp_path, usage, length):
    Delta(tmp_path, Place.MAIL, FIRST, LAST).close()
    path = tmp_path / "mail" / "0.delta"
    os.truncate(path, length)
    assert usage.of(FRED) == 0
    again = Delta(tmp_path, Place.MAIL, FIRST, LAST)
    again.add(FRED, 3)
    assert usage.of(FRED) == 3
    again.close()


def test_a_header_of_nonsense_is_no_table(tmp_path):
    path = tmp_path / "table"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    write_empty(descriptor, Shape(1, 10, 1))
    Table(descriptor).close()
    for header in (Shape(1, 0, 1), Shape(1, 2**50, 1), Shape(1, 10, 99), Shape(1, 11, 1)):
        os.pwrite(descriptor, header.header, 0)
        with pytest.raises(ValueError, match="table of the ledger"):
            Table(descriptor)
    os.close(descriptor)


@settings(max_examples=40, deadline=None, database=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([FRED, ANNA, 7]), st.integers(-(10**12), 10**12)), max_size=30
    )
)
def test_the_sum_is_the_sum(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("usage")
    writers = [Delta(folder, place, FIRST, LAST) for place in (Place.MAIL, Place.FILES, Place.FILES)]
    usage = Usage(folder, Clock())
    for writer, uid, amount in steps:
        writers[writer].add(uid, amount)
    for uid in (FRED, ANNA):
        mail = sum(amount for writer, its, amount in steps if its == uid and writer == 0)
        files = sum(amount for writer, its, amount in steps if its == uid and writer > 0)
        assert usage.added(uid) == (mail, files)
        assert usage.of(uid) == max(mail, 0) + max(files, 0)
    usage.close()
    for one in writers:
        one.close()


ADDING = """
import os, sys
from pathlib import Path
from appliance.usage.delta import Delta, Place
delta = Delta(Path(sys.argv[1]), Place.FILES, 20000, 20099)
for _ in range(100):
    delta.add(20001, 10)
os.write(1, b"done")
sys.stdin.read()
"""


def test_what_was_added_survives_a_kill_9(tmp_path, usage):
    for expected in (1_000, 2_000):
        process = subprocess.Popen(
            [sys.executable, "-c", ADDING, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout.read(4) == b"done"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert usage.of(FRED) == expected
    assert len(list((tmp_path / "files").iterdir())) == 1
