"""The spool's files: what is written is read again, and what is not ours is never sent."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mail.envelope import Asked
from appliance.mail.outside.attempts import Standing, fresh
from appliance.mail.outside.envelope import Damaged, Queued, line, read_line
from appliance.mail.outside.spool import Spool
from appliance.mail.party import OutsideRecipient

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
QUEUED = Queued(
    identity="3f9c",
    login="frida.lehrer",
    sender="frida.lehrer@schule.example",
    recipients=(OutsideRecipient("mama@home.example", Asked(frozenset({"SUCCESS"}), "rfc822;m")),),
    arrived=AT,
    ret="FULL",
    envid="QQ",
    smtputf8=True,
)
MESSAGE = b"Subject: x\r\n\r\nHallo\r\n"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "s")
    (tmp_path / "s").mkdir()
    made.make()
    return made


def put(tmp_path: Path, name: str = "1", message: bytes = MESSAGE, first: bytes = line(QUEUED)) -> None:
    (tmp_path / "s" / "new" / name).write_bytes(first + message)


def test_the_line_comes_back() -> None:
    assert read_line(line(QUEUED)) == QUEUED
    plain = replace(QUEUED, recipients=(OutsideRecipient("a@b.c", Asked()),), ret=None, envid=None)
    assert read_line(line(plain)) == plain and line(plain).count(b"\n") == 1


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_whatever_else_stands_there_is_damaged(written: bytes) -> None:
    with pytest.raises(Damaged):
        read_line(written)


@pytest.mark.parametrize(
    ("key", "value"), [("at", "2026-11-21T08:00:00"), ("at", 7), ("to", []), ("to", [["a"]]), ("to", None)]
)
def test_a_line_with_something_wrong_is_damaged(key: str, value: object) -> None:
    found = json.loads(line(QUEUED))
    with pytest.raises(Damaged):
        read_line(json.dumps(found | {key: value}).encode())


def test_a_message_is_read_without_the_line_and_without_a_return_path(spool: Spool, tmp_path: Path) -> None:
    put(tmp_path, "1")
    put(tmp_path, "2", b"Return-Path: <x@y>\r\n" + MESSAGE)
    assert spool.names() == {"1", "2"}
    for name in ("1", "2"):
        item, standing = spool.read(name)
        assert (item.queued, item.size, standing) == (QUEUED, len(MESSAGE), fresh(QUEUED))
        assert b"".join(spool.content(item)) == MESSAGE


def test_a_standing_is_kept_until_the_message_is_done_with(spool: Spool, tmp_path: Path) -> None:
    put(tmp_path)
    item, _ = spool.read("1")
    standing = Standing((0,), AT + timedelta(hours=1), 3, True, "4.2.0")
    spool.keep(item, standing)
    assert spool.read("1") == (item, standing)
    spool.remove(item)
    assert not spool.names() and not list((tmp_path / "s").glob("*/*"))


def test_the_standing_of_a_message_that_is_gone_goes(spool: Spool, tmp_path: Path) -> None:
    put(tmp_path)
    item, standing = spool.read("1")
    spool.keep(item, standing)
    (tmp_path / "s" / "new" / "1").unlink()
    assert not spool.names() and not list((tmp_path / "s").glob("cur/*"))


@pytest.mark.parametrize("written", [b"", b"{}", b'{"left": [1], "next": "2026-11-21T08:00:00+00:00"}', b"\xff"])
def test_a_standing_that_is_none_means_from_the_beginning(spool: Spool, tmp_path: Path, written: bytes) -> None:
    put(tmp_path)
    (tmp_path / "s" / "cur" / "1").write_bytes(written)
    assert spool.read("1")[1] == fresh(QUEUED)


def test_what_is_not_ours_is_damaged(spool: Spool, tmp_path: Path) -> None:
    put(tmp_path, first=b"")
    with pytest.raises(Damaged):
        spool.read("1")
