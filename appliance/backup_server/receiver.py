"""The one command that a school's keys may run here, as the school's user.

    restrict,command="/usr/lib/schoolserver-backup-server/receiver goethe" ssh-ed25519 AAAA...
    restrict,command="/usr/lib/schoolserver-backup-server/receiver goethe --read-only" ssh-ed25519 AAAA...

May live here: the table of words, and how each end of it is told. May not: doing it. Exit code 3: refused; 1: failed.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.backup_server import asking, deleted, reading, store, transfer
from appliance.backup_server.asking import Talk
from appliance.backup_server.manifest import ManifestError
from appliance.backup_server.reading import NotHere
from appliance.backup_server.settings import Settings
from appliance.backup_server.store import Place

Run = Callable[[Place, Sequence[str], Talk], None]
"""Does what a word asks, with the words after it; says lines. Raises :class:`Failed`, OSError, ValueError."""

_FREE_WITHIN = 5.0  # seconds that a commit's end may take


class Refused(Exception):
    """What was asked is not open to this key; the text says what it is."""


class Failed(Exception):
    """It was asked rightly and did not work; the text says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """``arguments``: how many words may follow; ``reading``: whether the recovery key may ask for it."""

    run: Run
    arguments: range
    reading: bool


def passed_on(action: str) -> Run:
    """Ask the committer for ``action`` with what comes on standard input, and say its lines."""

    def run(place: Place, _: Sequence[str], talk: Talk) -> None:
        _asked(place, action, talk.say, sys.stdin.buffer.read(asking.LONGEST // 2).decode("utf-8"))

    return run


def _asked(place: Place, action: str, say: Callable[[dict[str, Any]], None], body: str | None = None) -> Any:
    """Ask the committer, and ``say`` each of its lines; gives the result."""
    result = None
    request = {"action": action, "school": place.school} | ({} if body is None else {"body": body})
    for said in asking.asked(place.settings.socket, request):
        say(said)
        if "error" in said:
            raise Failed(said["error"])
        result = said.get("result")
    if result is None:
        raise Failed("the committer broke off")
    return result


def _begin(place: Place, _: Sequence[str], talk: Talk) -> None:
    """What the next transfer builds on, in one line; of those before none is under way any more."""
    transfer.end_left_over(place)
    _asked(place, "begin", lambda said: talk.say(said.get("result", said)))


def _commit(place: Place, _: Sequence[str], talk: Talk) -> None:
    """Commit, and then say the new snapshot's index as this user can read it."""
    result = _asked(place, "commit", talk.say)
    reading.index(place, [str(result["snapshot"])], talk)


def _deleted(place: Place, words: Sequence[str], talk: Talk) -> None:
    """The list of deleted accounts; ``put``: add what comes on standard input to it."""
    if words not in ([], ["put"]):
        raise Refused("only deleted, and deleted put")
    if words:
        passed_on("deleted")(place, words, talk)
    else:
        talk.send(deleted.get(place.folder))


def _verify(place: Place, words: Sequence[str], talk: Talk) -> None:
    """Say what differs from the manifest; the only word that needs much to be loaded."""
    from appliance.backup_server.verify import verifying

    verifying(place, words, talk)


WORDS: Mapping[str, Word] = {
    "begin": Word(_begin, range(1), False),
    "commit": Word(_commit, range(1), False),
    "list": Word(reading.listing, range(1), True),
    "index": Word(reading.index, range(1, 2), True),
    "section": Word(reading.section, range(2, 4), True),
    "dump": Word(reading.dump, range(1, 2), True),
    "verify": Word(_verify, range(3, 4), False),
    "deleted": Word(_deleted, range(2), True),
    "forget": Word(passed_on("forget"), range(1), False),
}
"""All that a key may ask for besides rsync."""


def receive(settings: Settings, school: str, read_only: bool) -> int:
    """Do what ``SSH_ORIGINAL_COMMAND`` asks for, or refuse it; gives the exit code."""
    os.umask(0o077)
    try:
        place = store.place(settings, school)
        words = shlex.split(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
        if words[:1] == ["rsync"]:
            _rsync(place, words, read_only)
        word = WORDS.get(words[0]) if words else None
        if word is None or len(words) - 1 not in word.arguments or (read_only and not word.reading):
            raise Refused(f"only rsync --server and {', '.join(WORDS)}")
        if words[1:] and read_only and words[0] == "deleted":
            raise Refused("this key reads")
        word.run(place, words[1:], Talk(sys.stdout.buffer))
    except (Refused, NotHere) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"failed: {os.strerror(error.errno or 0)}", file=sys.stderr)
        return 1
    except (Failed, store.Busy, ManifestError, ValueError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


def _rsync(place: Place, words: Sequence[str], read_only: bool) -> None:
    argv = transfer.server_argv(words)
    sending = argv is not None and "--sender" in argv
    if argv is None or (read_only and not sending):
        raise Refused("rsync elsewhere than in incoming and in a part of a snapshot")
    if sending:
        reading.snapshot(place, argv[-1].split("/")[1])
        transfer.become(place, argv)
    with place.locked(False, _FREE_WITHIN) as lock:
        os.set_inheritable(lock, True)  # it holds as long as rsync runs
        transfer.become(place, argv)
