"""Mail on the disk."""

import errno
import os
import resource
import stat

import pytest

from appliance.mail.store import Store, StoreFailed, StoreFull


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, "host/name:1")


def everything(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_message_lands_in_every_mailbox_once(store, tmp_path) -> None:
    draft = store.draft(["fred", "frida", "fred"])
    draft.write(b"a: b\r\n")
    draft.write(b"\r\nbody\r\n")
    assert draft.deliver() == 14
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


def test_a_discarded_draft_leaves_nothing(store, tmp_path) -> None:
    draft = store.draft(["fred"])
    draft.write(b"x")
    draft.discard()
    draft.discard()
    assert everything(tmp_path) == []


def test_names_are_unique(store, tmp_path) -> None:
    for _ in range(50):
        draft = store.draft(["fred"])
        draft.write(b"x")
        draft.deliver()
    assert len(everything(tmp_path)) == 50


def test_an_error_with_one_mailbox_leaves_nothing_in_the_others(store, tmp_path) -> None:
    store.draft(["fred", "frida"]).discard()
    draft = store.draft(["fred", "frida"])
    draft.write(b"x")
    (tmp_path / "frida" / "new").rmdir()
    with pytest.raises(StoreFailed):
        draft.deliver()
    assert everything(tmp_path) == []


def test_a_removed_mailbox_is_made_again(store, tmp_path) -> None:
    store.draft(["fred"]).discard()
    for folder in ("cur", "new", "tmp", ""):
        (tmp_path / "fred" / folder).rmdir()
    draft = store.draft(["fred"])
    draft.write(b"x")
    draft.deliver()
    assert len(everything(tmp_path)) == 1


def test_no_room_is_told_apart_and_names_nobody(store, tmp_path) -> None:
    """A limit on the size of files stands for a disk without room: the write ends with EFBIG."""
    draft = store.draft(["fred"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StoreFull) as caught:
            draft.write(b"x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "fred" not in str(caught.value)
    assert os.strerror(errno.EFBIG) in str(caught.value)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("login", ["", ".", "..", "../x", "a/b", ".tmp", "Fred", "a\n"])
def test_only_a_login_names_a_mailbox(store, login: str) -> None:
    with pytest.raises(ValueError, match="mailbox"):
        store.draft([login])
