"""Mailboxes go where the homes of their logins go, on a real disk, and back; what is mail's alone stays."""

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import threading
from pathlib import Path
from tempfile import mkdtemp

import pytest

from appliance.daemon.request_server import Peer, RequestError
from appliance.mail.draft import StoreFailed
from appliance.mail.store import Parcel, Store
from appliance.privileged.client import PrivilegedClient
from appliance.privileged.names import Ids
from appliance.privileged.tree import Tree
from appliance.usage.scan import scan
from tests.integration.demo.waiting import eventually

ROOT = os.geteuid() == 0
NEEDS_ROOT = pytest.mark.skipif(not ROOT, reason="needs other users")
MAIL = 60803
LETTER = "1.M1P1Q1.host,S=5,W=5"
FRED = {"kind": "homes", "name": "fred", "number": 20001 if ROOT else 0}


class Scene:
    """The verbs on the tree below ``data``, in which ``post`` puts a mail into a mailbox as mail does."""

    def __init__(self, data: Path) -> None:
        self.data, self.mail = data, data / "mail"
        for kind in ("homes", "groups", "mail", "mail/.spool", "mail/.tmp"):
            (data / kind).mkdir()
            os.chown(data / kind, *self.owner(kind))
        (self.mail / ".spool" / "letter").write_bytes(b"under way")
        self._tree = Tree(data)
        self._verbs = self._tree.verbs(lambda _peer: True, lambda: Ids(20000, 59999))

    @staticmethod
    def owner(kind: str) -> tuple[int, int]:
        return (MAIL, MAIL) if ROOT and kind.startswith("mail") else (os.geteuid(), os.getegid())

    def post(self, login: str, name: str = LETTER, text: str = "hello", inner: str = "") -> None:
        box = self.mail / login
        for folder in (box, box / inner, *(box / inner / part for part in ("cur", "new", "tmp"))):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, *self.owner("mail"))
        (box / inner / "new" / name).write_text(text)
        os.chown(box / inner / "new" / name, *self.owner("mail"))

    def mails(self, box: str) -> list[str]:
        return sorted(path.read_text() for path in (self.mail / box).rglob("*") if path.is_file())

    def __call__(self, verb: str, **arguments):
        wanted = self._verbs[verb].arguments
        return asyncio.run(self._verbs[verb].handler({**dict.fromkeys(wanted), **arguments}, Peer(0, 0, 0)))

    def home(self, login: str, uid: int) -> None:
        self("home-make", login=login, uid=uid, gid=uid)

    def former(self) -> list[tuple[str, str, int]]:
        return [(kind, name, number) for kind, name, number, _day in self("folders-list")["former"]]

    def hidden(self) -> list[str]:
        return sorted(path.name for path in self.mail.iterdir() if path.name.startswith("."))

    def begin(self) -> None:
        """Do what is done at a start, to the end."""
        self._tree.begin()
        self("folders-list")  # homes have one thread

    def again(self) -> None:
        """As after a restart."""
        self.begin()
        self._tree.stop()

    def stop(self) -> None:
        self._tree.stop()


@pytest.fixture
def tree():
    place = Path(mkdtemp(prefix="ss-", dir="/tmp"))
    place.chmod(0o755)
    made = Scene(place)
    made.home("fred", 20001)
    made.post("fred")
    made.post("fred", text="sent", inner=".Sent")
    yield made
    made.stop()
    shutil.rmtree(place)


def test_it_is_put_aside_with_its_home_closed_and_comes_back_with_it(tree):
    assert tree("folder-aside", **FRED) == {"done": True}
    number = FRED["number"]
    assert tree.former() == [("homes", "fred", number), ("mail", "fred", number)]
    (hidden,) = (name for name in tree.hidden() if name.startswith(".former-"))
    there = (tree.mail / hidden).stat()
    assert (there.st_uid, stat.S_IMODE(there.st_mode)) == (os.geteuid(), 0o700)
    assert tree("folders-list")["mail"] == {}
    assert scan(tree.data, range(20000, 60000), ["fred"], None).mail == {}
    tree.home("fred", 20001)
    assert tree.mails("fred") == ["hello", "sent"]
    back = (tree.mail / "fred").stat()
    assert (back.st_uid, back.st_gid, stat.S_IMODE(back.st_mode)) == (*tree.owner("mail"), 0o700)
    assert tree.former() == []
    assert tree.hidden() == [".spool", ".tmp"]


@NEEDS_ROOT
@pytest.mark.parametrize("seen", [True, False])
def test_a_namesake_never_gets_it(tree, seen):
    """Whether or not his predecessor was seen to be gone before he came."""
    if seen:
        tree("folder-aside", **FRED)
    tree.home("fred", 20002)
    assert not (tree.mail / "fred").exists()
    tree.post("fred", text="to the second")
    tree.home("fred", 20002)
    assert tree.mails("fred") == ["to the second"]
    tree.home("fred", 20001)
    assert tree.mails("fred") == ["hello", "sent"]
    assert tree.former() == [("homes", "fred", 20002), ("mail", "fred", 20002)]


def test_what_came_late_joins_it(tree):
    tree("folder-aside", **FRED)
    tree.post("fred", "2.M2P1Q2.host,S=4,W=4", "late")
    tree.post("fred", "3.M2P1Q2.host,S=4,W=4", "sent late", ".Sent")
    tree.post("fred", text="draft", inner=".Drafts")
    assert tree("folder-aside", **{**FRED, "kind": "mail"}) == {"done": True}
    assert tree("folder-aside", **{**FRED, "kind": "mail"}) == {"done": False}
    assert len(tree.former()) == 2
    tree.post("fred", "4.M2P1Q2.host,S=4,W=4", "back again")
    tree.home("fred", 20001)
    assert tree.mails("fred") == ["back again", "draft", "hello", "late", "sent", "sent late"]
    assert len(list((tree.mail / "fred" / ".Sent" / "new").iterdir())) == 2
    assert not (tree.mail / "fred" / "late").exists()
    assert tree.former() == []


def test_one_of_no_account_is_put_aside_and_deleted_by_itself(tree):
    tree.post("gina")
    assert tree("folders-list")["mail"] == {"fred": 0, "gina": 0}
    gina = {"kind": "mail", "name": "gina", "number": 0}
    assert tree("folder-aside", **gina) == {"done": True}
    assert tree.former() == [("mail", "gina", 0)]
    assert tree("folder-remove", **gina) == {"done": True}
    assert tree.former() == []
    tree.again()
    assert tree.hidden() == [".spool", ".tmp"]
    assert tree.mails("fred") == ["hello", "sent"]
    assert tree.mails(".spool") == ["under way"]


def cut(monkeypatch, after):
    """Let a power cut come before the rename that follows ``after`` others."""
    real, left = os.rename, iter(range(after))

    def rename(*arguments, **more):
        if next(left, None) is None:
            raise OSError(errno.EIO, "cut")
        real(*arguments, **more)

    monkeypatch.setattr(os, "rename", rename)


@pytest.mark.parametrize("after", range(9))
def test_a_cut_at_any_point_loses_and_doubles_nothing(tree, monkeypatch, after):
    """Put aside, joined, brought back, put aside again and given on: each goes on from where it was cut."""
    tree("folder-aside", **FRED)
    for name, inner in (("2.M2P1Q2.host,S=4,W=4", ""), ("3.M2P1Q2.host,S=4,W=4", ".Sent"), (LETTER, ".Drafts")):
        tree.post("fred", name, f"late{inner}", inner)
    every = ["hello", "late", "late.Drafts", "late.Sent", "sent"]

    def back():
        tree.home("fred", 20001)

    def given():
        tree("folder-aside", **FRED)
        tree.home("gina", 20002)
        for kind, *_ in tree.former():
            tree("folder-give", **{**FRED, "kind": kind}, to="gina", heir=20002)

    for act, whose in ((back, "fred"), (given, "gina")):
        with monkeypatch.context() as patch:
            cut(patch, after)
            with contextlib.suppress(RequestError):
                act()
        act()
        tree.begin()  # as after the start that follows
        assert tree.mails(whose) == every
        assert not list(tree.mail.rglob("late"))
    assert tree.former() == []
    assert tree("folders-list")["mail"] == {"gina": 0}


def test_mail_delivered_meanwhile_is_in_the_one_or_the_other(tree):
    """Delivery by the real store does not stop while a mailbox goes and comes back."""
    for path in (tree.mail, tree.mail / "fred"):
        os.chown(path, os.geteuid(), os.getegid())  # as whom the store runs here
    store, sent, ended = Store(tree.mail, "host"), [], threading.Event()

    def deliver():
        while not ended.is_set():
            draft = store.draft()
            draft.add(b"letter %d\r\n" % len(sent))
            try:
                store.place([Parcel(draft, ("fred",))])
            except StoreFailed:
                continue  # the sender hears of it and tries again
            sent.append(f"letter {len(sent)}")

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        for _ in range(20):
            before = len(sent)
            eventually(lambda: len(sent) > before)  # noqa: B023
            tree("folder-aside", **FRED)
            tree.home("fred", 20001)
    finally:
        ended.set()
        thread.join()
    tree("folder-aside", **FRED)
    tree.home("fred", 20001)
    assert set(sent) <= {text.strip() for text in tree.mails("fred")}  # or twice, when its sender was told to try again
    assert tree.former() == []


@NEEDS_ROOT
def test_what_mail_does_not_own_is_no_mailbox(tree):
    (tree.mail / "carer").mkdir()
    (tree.mail / "elsewhere").symlink_to("/etc")
    assert tree("folders-list")["mail"] == {"fred": 0}
    for name in ("carer", "elsewhere"):
        assert tree("folder-aside", kind="mail", name=name, number=0) == {"done": False}
    for name in (".spool", ".tmp", "../homes", "fred/new"):
        with pytest.raises(RequestError, match="a login has"):
            tree("folder-aside", kind="mail", name=name, number=0)


def test_it_is_given_to_another_account_as_mail_folders(tree):
    tree("folder-aside", **FRED)
    tree.home("fred.neu", 20002)
    given = tree("folder-give", **{**FRED, "kind": "mail"}, to="fred.neu", heir=20002)
    assert given["folder"] == "Former-fred"
    box = tree.mail / "fred.neu"
    assert (box / ".Former-fred" / "new" / LETTER).read_text() == "hello"
    assert (box / ".Former-fred.Sent" / "new" / LETTER).read_text() == "sent"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (box, *box.rglob("*"))} == {tree.owner("mail")}
    assert [kind for kind, *_ in tree.former()] == ["homes"]


def test_a_server_without_mail_has_none(tree):
    shutil.rmtree(tree.mail)
    assert tree("folder-aside", **FRED) == {"done": True}
    tree.home("fred", 20001)
    assert tree("folders-list")["mail"] == {}
    tree.again()
    assert not tree.mail.exists()


@NEEDS_ROOT
def test_a_home_removed_at_once_takes_its_mailbox_along(tree):
    assert tree("home-remove", login="fred", uid=20001) == {"removed": True}
    assert tree("folders-list")["mail"] == {}
    assert tree.hidden() == [".spool", ".tmp"]


def test_the_real_process_does_the_same(place):
    etc = place.folder / "etc" / "server.yaml"
    etc.write_text(etc.read_text().replace("identity: numbers", "identity: same"))
    place.start("privileged")
    client = PrivilegedClient(place.runtime / "privileged" / "privileged.sock")
    number = 20001 if ROOT else 0
    client.home_make("fred.mustermann", 20001, 20001)
    box = place.data / "mail" / "fred.mustermann"
    (box / "new").mkdir(parents=True)
    (box / "new" / LETTER).write_text("hello")
    assert client.folder_aside("homes", "fred.mustermann", number) is True
    assert not box.exists()
    assert [one[:3] for one in client.folders_list()["former"]][1:] == [["mail", "fred.mustermann", number]]
    assert client.folder_remove("mail", "fred.mustermann", number) is True
    client.home_make("fred.mustermann", 20001, 20001)
    client.close()
    assert not box.exists()
