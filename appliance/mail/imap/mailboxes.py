"""How many mailboxes (folders) an account may have, with Dovecot 2.3, which counts none; 2.4 does.

A process beside Dovecot looks at all accounts and writes who may make no more into a file that Dovecot's acl plugin
reads anew within a second; so who is quick comes somewhat past the bound. May live here: that process, and the file.
May not: mails, and whatever would end a session.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from appliance.daemon.whole_file import write_whole
from appliance.mail.imap.engine import Engine

_LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_HEAD: Final = "# Made by schoolserver: who may make no more folders.\n"
_OURS: Final = 3  # cur, new and tmp of the inbox
_PAUSE: Final = 1.0
_SHARE: Final = 50
"""Looking takes no more than one part in so many of a core, in the largest school too."""
_MOST_DESCRIPTORS: Final = 1024


def bound_mailboxes(engine: Engine) -> None:
    """Say how many there may be, to the process that may run already; raises ``OSError``.

    Only who owns the mailboxes reads there, for the file names people.
    """
    folder = engine.full.parent
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, engine.uid, engine.gid)
    owner = engine.uid, engine.gid
    write_whole(_number(engine), b"%d\n" % engine.mailboxes_max, 0o600, owner)
    if not engine.full.exists():
        write_whole(engine.full, forbidding(()), 0o600, owner)


def watch_mailboxes(engine: Engine) -> None:
    """Look once, and leave a process that goes on looking until this one, whatever it becomes, has ended.

    It is nobody's child here, or Dovecot would wonder about it.
    """
    ours = os.pidfd_open(os.getpid())
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            _become_watcher(engine, ours)
        os._exit(0)
    os.close(ours)
    os.waitpid(child, 0)


def having_all(mail: Path, most: int) -> set[str]:
    """Give the logins with ``most`` mailboxes or more below ``mail``, the inbox being one; raises ``OSError``."""
    full = set()
    with os.scandir(mail) as boxes:
        for box in boxes:
            if _LOGIN.match(box.name) and box.is_dir(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # it went meanwhile
                    if folders_in(box.path, box.stat(follow_symlinks=False).st_nlink) - _OURS + 1 >= most:
                        full.add(box.name)
    return full


def folders_in(path: str, links: int) -> int:
    """Give how many folders lie in the one at ``path``, which has so many ``links``; raises ``OSError``.

    Each is a link to it where the file system counts them; btrfs does not, nor ext4 above 64,999: then there is one.
    """
    if links > 1:
        return links - 2
    with os.scandir(path) as entries:
        return sum(entry.is_dir(follow_symlinks=False) for entry in entries)


def forbidding(logins: Collection[str]) -> bytes:
    """Give the global file of Dovecot's ACLs (RFC 4314) by which ``logins`` have not the right to make mailboxes."""
    return (_HEAD + "".join(f"* -user={login} k\n" for login in sorted(logins))).encode()


def _number(engine: Engine) -> Path:
    return engine.full.with_name("most")


def _become_watcher(engine: Engine, dovecot: int) -> None:
    """As the owner of the mailboxes and without the sockets that were handed in."""
    try:
        os.closerange(3, dovecot)
        os.closerange(dovecot + 1, _MOST_DESCRIPTORS)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(engine.gid, engine.gid, engine.gid)
            os.setresuid(engine.uid, engine.uid, engine.uid)
        _watch(engine, dovecot)
    finally:
        os._exit(0)


def _watch(engine: Engine, dovecot: int) -> None:
    ended = select.poll()
    ended.register(dovecot, select.POLLIN)
    written, told, pause = engine.full.read_bytes(), False, 0.0
    while not ended.poll(pause * 1000):
        begun = time.monotonic()
        try:
            wanted = forbidding(having_all(engine.mail, int(_number(engine).read_text(encoding="ascii"))))
            if wanted != written:
                write_whole(engine.full, wanted, 0o600)
                written = wanted
            told = False
        except (OSError, ValueError) as error:
            if not told:
                sys.stderr.write(f"mailboxes: Error: they cannot be counted: {type(error).__name__}\n")
                sys.stderr.flush()
            told = True
        pause = max(_PAUSE, (time.monotonic() - begun) * _SHARE)
