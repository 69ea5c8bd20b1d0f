"""Which files of a mailbox are messages, and what their folders are called."""

import pytest

from appliance.backup.maildir import INBOX, Message, message, restored, shown
from appliance.backup.problem import BackupError
from appliance.backup.restore_mail import messages
from appliance.backup_server.manifest import Entry, Section

PATHS = ("cur/1,S=2:2,S", "new/2", ".Sent/cur/3:2,", ".Projekte.2026/new/4", ".Projekte/cur/5:2,", "dovecot.index")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"cur/1.host:2,S", Message(INBOX, b"1.host:2,S")),
        (b".Entw&APw-rfe/new/1", Message(("Entwürfe",), b"1")),
        (b".Projekte.2026/cur/1", Message(("Projekte", "2026"), b"1")),
        (b"tmp/1", None),
        (b"subscriptions", None),
        (b".Sent/dovecot.index", None),
        (b"./cur/1", None),
        (b"Sent/cur/1", None),
        (b".a/cur/x/y", None),
    ],
)
def test_a_path_is_a_message(path, expected):
    assert message(path) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"&-", "&"), (b"B&AOQ-ume", "Bäume"), (b"&xxx", "&xxx"), (b"&A-", "&A-"), ("Bäume".encode(), "Bäume")],
)
def test_a_folder_is_called(name, expected):
    assert shown(name) == expected


def test_flags_are_kept_but_for_deleted_and_keywords():
    taken = set()
    assert restored(b"1.host,S=5:2,STab", taken) == b"1.host,S=5:2,S"
    assert restored(b"1.host,S=5", taken) == b"1.host_2,S=5:2,"
    assert restored(b"1.host,S=5:2,T", taken) == b"1.host_3,S=5:2,"


def lines():
    names = {b".", b"cur", b"new"} | {folder for path in PATHS for folder in _above(path.encode())}
    entries = [Entry("d", 0o700, 1, 1, 0, 0, "-", "-", name) for name in names]
    entries += [Entry("f", 0o600, 1, 1, 0, 7, "0" * 64, "-", path.encode()) for path in PATHS]
    return Section.of("mail", "fred", 1, "0" * 32, entries).lines


def _above(path):
    parts = path.split(b"/")[:-1]
    return [b"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([], {b"1,S=2:2,S", b"2", b"3:2,", b"4", b"5:2,"}),
        (["INBOX"], {b"1,S=2:2,S", b"2"}),
        (["Projekte"], {b"4", b"5:2,"}),
        (["Projekte/*"], {b"4"}),
        (["Sent", "Projekte/2026"], {b"3:2,", b"4"}),
    ],
)
def test_messages_of_the_folders_that_are_meant(folders, expected):
    found = messages(lines(), folders).entries
    assert {message(path).name for path, entry in found.items() if entry.kind == "f"} == expected
    assert next(iter(found)) == b"."
    assert all(path == b"." or (path.rpartition(b"/")[0] or b".") in found for path in found)


def test_no_such_folder_says_how_many_there_are():
    with pytest.raises(BackupError, match="5 in all"):
        messages(lines(), ["Liebesbriefe"])
