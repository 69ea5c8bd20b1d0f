"""The list of deleted accounts on the backup server: it grows, and it names nobody."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.backup_server import deleted
from appliance.backup_server.forget_rule import Refused

TODAY = date(2026, 5, 1)
ONE, OTHER = f"2026-04-01 20001 {'a' * 64}\n", f"2026-04-02 20002 {'b' * 64}\n"


def test_it_grows_and_does_not_shrink(tmp_path):
    assert deleted.get(tmp_path) == b""
    assert deleted.put(tmp_path, ONE.encode(), TODAY) == 1
    assert deleted.put(tmp_path, OTHER.encode(), TODAY) == 2
    assert deleted.put(tmp_path, b"", TODAY) == 2
    assert deleted.get(tmp_path).decode() == ONE + OTHER


def test_of_one_account_the_last_day_counts_and_none_that_has_not_come(tmp_path):
    deleted.put(tmp_path, ONE.encode(), TODAY)
    deleted.put(tmp_path, ONE.replace("2026-04-01", "2026-03-01").encode(), TODAY)
    assert deleted.get(tmp_path).decode() == ONE
    deleted.put(tmp_path, ONE.replace("2026-04-01", "9999-12-31").encode(), TODAY)
    assert deleted.get(tmp_path).decode().startswith("2026-05-01 ")


def test_a_line_goes_when_no_snapshot_and_no_dump_is_older(tmp_path):
    (tmp_path / "dumps").mkdir()
    (tmp_path / "dumps" / "2026-04-01T010203.age").touch()
    (tmp_path / "snapshots" / "2026-04-20T010203").mkdir(parents=True)
    assert deleted.put(tmp_path, (ONE + OTHER).encode(), TODAY) == 2
    (tmp_path / "dumps" / "2026-04-01T010203.age").unlink()
    assert deleted.put(tmp_path, b"", TODAY) == 0


@pytest.mark.parametrize(
    "said", [b"x\n", ONE.replace("20001", "0").encode(), b"2026-02-30 1 " + b"a" * 64, b"\xff" * 9]
)
def test_anything_else_is_refused(tmp_path, said):
    with pytest.raises(Refused):
        deleted.put(tmp_path, said, TODAY)
    assert deleted.get(tmp_path) == b""


def test_it_is_bounded(tmp_path):
    lines = "".join(f"2026-04-01 {number} {number:064x}\n" for number in range(1, 20_001))
    assert deleted.put(tmp_path, lines.encode(), TODAY) == 20_000
    with pytest.raises(Refused):
        deleted.put(tmp_path, ONE.encode(), TODAY)
    with pytest.raises(Refused):
        deleted.put(tmp_path, b"\n" * 3_000_000, TODAY)


@given(st.dictionaries(st.tuples(st.integers(1, 9_999_999_999), st.from_regex(r"\A[0-9a-f]{64}\Z")), st.dates()))
def test_what_is_written_is_read(lines):
    kept = {key: day.isoformat() for key, day in lines.items()}
    assert deleted.read(deleted.encoded(kept)) == kept
