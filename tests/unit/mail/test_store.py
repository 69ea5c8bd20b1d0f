"""Mail on the disk."""

import errno
import os
import resource
import stat

import pytest

from appliance.daemon.space import Reserve
from appliance.mail.draft import StoreFailed, StoreFull
from appliance.mail.store import Parcel, Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, "host/name:1")


def everything(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def parcel(store, *logins, text=b"x"):
    draft = store.draft()
    draft.add(text)
    return Parcel(draft, logins)


class Mark:
    placeholder = b"--------\r\n"

    def __init__(self):
        self.seen = b""

    def update(self, data):
        self.seen += data

    def line(self):
        return b"%08d\r\n" % len(self.seen)


def test_a_message_lands_in_every_mailbox_once(store, tmp_path) -> None:
    draft = store.draft()
    draft.add(b"a: b\r\n")
    draft.add(b"\r\nbody\r\n")
    assert draft.size == draft.waiting == 14
    store.place([Parcel(draft, ("fred", "frida"))])
    fred, frida = everything(tmp_path)
    assert fred.parent == tmp_path / "fred" / "new"
    assert frida.parent == tmp_path / "frida" / "new"
    assert fred.name == frida.name
    assert fred.name.endswith(",S=14,W=14")
    assert not set("/:") & set(fred.name)
    assert fred.read_bytes() == b"a: b\r\n\r\nbody\r\n"
    assert fred.stat().st_ino == frida.stat().st_ino
    assert stat.S_IMODE(fred.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "fred").stat().st_mode) == 0o700
    assert {folder.name for folder in (tmp_path / "fred").iterdir()} == {"cur", "new", "tmp"}


@pytest.mark.parametrize("early", [False, True])
def test_the_mark_is_the_first_line_and_made_of_all_that_follows(store, tmp_path, early) -> None:
    mark = Mark()
    draft = store.draft(mark)
    draft.add(b"From: x\r\n")
    if early:
        draft.write()
    draft.add(b"\r\nbody\r\n")
    store.place([Parcel(draft, ("fred",))])
    (file,) = everything(tmp_path)
    assert file.read_bytes() == b"00000017\r\nFrom: x\r\n\r\nbody\r\n"
    assert mark.seen == b"From: x\r\n\r\nbody\r\n"
    assert f",S={draft.size}," in file.name and file.stat().st_size == draft.size


@pytest.mark.parametrize("early", [False, True])
def test_one_message_for_boxes_and_spool(store, tmp_path, early) -> None:
    """In the spool the message follows the line of its envelope, and has no mark."""
    draft, outside = store.draft(Mark()), store.draft()
    draft.add(b"From: x\r\n\r\n" + b"body\r\n" * 50_000)
    if early:
        draft.write()
    draft.add(b"end\r\n")
    outside.add(b"{}\n")
    outside.add_all(draft)
    store.place([Parcel(draft, ("fred",)), Parcel(outside, None)])
    queued, delivered = everything(tmp_path)
    assert queued.parent == tmp_path / ".spool" / "new"
    assert "," not in queued.name
    assert queued.read_bytes() == b"{}\n" + delivered.read_bytes().partition(b"\r\n")[2]
    assert delivered.read_bytes().endswith(b"end\r\n")


def test_a_draft_that_is_not_placed_leaves_nothing(store, tmp_path) -> None:
    draft = store.draft()
    draft.add(b"x")
    draft.write()
    draft.close()
    draft.close()
    assert everything(tmp_path) == []


def test_names_are_unique(store, tmp_path) -> None:
    assert store.place_all([[parcel(store, "fred")] for _ in range(50)]) == [None] * 50
    assert len(everything(tmp_path)) == 50


def test_an_error_with_one_mailbox_leaves_nothing_in_the_others(store, tmp_path) -> None:
    store.place([parcel(store, "fred", "frida")])
    for path in everything(tmp_path):
        path.unlink()
    (tmp_path / "frida" / "new").rmdir()
    (tmp_path / "frida" / "new").touch()
    other = parcel(store, "gina")
    failed, fine = store.place_all([[parcel(store, "fred"), parcel(store, "frida")], [other]])
    assert isinstance(failed, StoreFailed) and "frida" not in str(failed)
    assert fine is None
    (tmp_path / "frida" / "new").unlink()
    assert [path.parts[-3] for path in everything(tmp_path)] == ["gina"]
    (tmp_path / "frida" / "new").touch()
    with pytest.raises(StoreFailed):
        store.place([parcel(store, "fred", "frida")])
    assert len(everything(tmp_path)) == 2


def test_a_folder_that_cannot_be_flushed_fails_those_in_it_and_no_other(store, tmp_path, monkeypatch) -> None:
    store.place([parcel(store, "fred", "frida", "gina")])
    before, real = set(everything(tmp_path)), os.fsync
    bad = (tmp_path / "frida" / "new").stat().st_ino

    def fsync(file):
        if os.fstat(file).st_ino == bad:
            raise OSError(errno.EIO, "no")
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    found = store.place_all([[parcel(store, who)] for who in ("fred", "frida", "gina", "frida")])
    assert [each is None for each in found] == [True, False, True, False]
    assert sorted(path.parts[-3] for path in set(everything(tmp_path)) - before) == ["fred", "gina"]


def test_a_removed_mailbox_is_made_again(store, tmp_path) -> None:
    store.place([parcel(store, "fred")])
    (file,) = everything(tmp_path)
    file.unlink()
    for folder in ("cur", "new", "tmp", ""):
        (tmp_path / "fred" / folder).rmdir()
    store.place([parcel(store, "fred")])
    assert len(everything(tmp_path)) == 1


@pytest.mark.parametrize("size", [10_000, 100])
def test_no_room_is_told_apart_and_names_nobody(store, tmp_path, size) -> None:
    """A limit on the size of files stands for a disk without room: the write ends with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    messages = [[parcel(store, "fred", text=b"x" * size)], [parcel(store, "fred", text=b"x")]]
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        large, small = store.place_all(messages)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert small is None
    if size == 100:
        assert large is None
        return
    assert isinstance(large, StoreFull)
    assert "fred" not in str(large)
    assert os.strerror(errno.EFBIG) in str(large)
    assert [path.stat().st_size for path in everything(tmp_path)] == [1]


def test_nothing_goes_into_the_reserve(tmp_path) -> None:
    store = Store(tmp_path, "host", Reserve(tmp_path, 2**62))
    with pytest.raises(StoreFull):
        store.place([parcel(store, "fred")])


@pytest.mark.parametrize("login", ["", ".", "..", "../x", "a/b", ".tmp", ".spool", "Fred", "a\n"])
def test_only_a_login_names_a_mailbox(store, tmp_path, login: str) -> None:
    with pytest.raises(ValueError, match="mailbox"):
        store.place([parcel(store, "fred"), parcel(store, login)])
    assert everything(tmp_path) == []
