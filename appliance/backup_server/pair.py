"""``schoolserver-backup-server pair``: waits for one school's server, shows the code, asks, and keeps its keys.

May live here: listening, and the talk at the terminal. May not: what is said over the line (``pairing``), what is
written (``enroll``). Before the answer here nothing is believed, and nothing is written.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from appliance.backup_server import pairing
from appliance.backup_server.pairing import PairingError, PlaceSide, PlaceValues, SchoolValues
from appliance.backup_server.talk import LineBroken, Lines

LASTS = 600.0
"""Seconds that it waits for a school's server."""

_LINE_WITHIN = 5.0  # a machine answers at once
_MOST_TRIES = 10  # who breaks off and tries again until his two codes agree would need millions


class NotPaired(Exception):
    """It did not come about, and nothing was kept; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The person at this machine: ``answers`` is the descriptor of what is typed, ``screen`` what is read."""

    answers: int
    screen: TextIO

    def say(self, text: str) -> None:
        """Show ``text`` now."""
        print(text, file=self.screen, flush=True)

    def line(self) -> str:
        """Give what was typed up to the end of the line; nothing where nobody can answer any more."""
        with open(self.answers, "rb", buffering=0, closefd=False) as raw:
            return raw.readline(200).decode(errors="replace").strip()


def pair(server: socket.socket, own: PlaceValues, terminal: Terminal, keep: Callable[[SchoolValues], None]) -> None:
    """Wait at the listening ``server`` for a school's server and let ``keep`` have its keys once both people said yes.

    Raises :class:`NotPaired`, and ``OSError`` from ``keep``.
    """
    line, keys, code = _met(server, own, terminal)
    with line:
        terminal.say(f"A school's server is here. It must show the same code:\n\n    {pairing.shown(code)}\n")
        try:
            _confirmed(line, terminal)
            try:
                keep(keys)
            except BaseException:
                line.send(pairing.verdict(False), _LINE_WITHIN)
                raise
            line.send(pairing.verdict(True), _LINE_WITHIN)
        except (LineBroken, PairingError) as problem:
            raise NotPaired(f"{problem}; begin again on both sides (here with --again if it says so)") from problem


def _met(server: socket.socket, own: PlaceValues, terminal: Terminal) -> tuple[Lines, SchoolValues, str]:
    """The first that goes through the whole exchange; one at a time, and whoever talks nonsense is hung up on."""
    end = time.monotonic() + LASTS
    tries = 0
    while tries < _MOST_TRIES:
        server.settimeout(max(0.001, end - time.monotonic()))
        try:
            connection = server.accept()[0]
        except TimeoutError:
            raise NotPaired("no school's server has come; begin again on both sides") from None
        except ConnectionError:
            continue  # it was gone before it was let in
        line = Lines(connection, pairing.LONGEST)
        try:
            side = PlaceSide(own, os.urandom(32))
            answer = side.answer(line.receive(_LINE_WITHIN))
            tries += 1
            line.send(answer, _LINE_WITHIN)
            keys, code = side.finish(line.receive(_LINE_WITHIN))
        except (LineBroken, PairingError) as problem:
            line.__exit__()
            terminal.say(f"Somebody has connected, but {problem}. Still waiting.")
        else:
            return line, keys, code
    raise NotPaired("somebody begins again and again and breaks off: find out who, then begin again on both sides")


def _confirmed(line: Lines, terminal: Terminal) -> None:
    """Both people say yes, in either order; raises :class:`NotPaired` and the errors of the line."""
    end = time.monotonic() + pairing.ANSWERED_WITHIN
    terminal.say("Is it the same over there? [y/N] ")
    here = there = False
    while not (here and there):
        waited: list[int] = [*([] if there else [line.fileno()]), *([] if here else [terminal.answers])]
        ready = select.select(waited, [], [], max(0.0, end - time.monotonic()))[0]
        if not ready:
            raise NotPaired("nobody has answered in time; begin again on both sides")
        if line.fileno() in ready and (said := line.arrived()) is not None:
            there = pairing.heard(said)
            if not there:
                raise NotPaired("over there it was not confirmed; nothing was kept")
        if terminal.answers in ready:
            here = terminal.line().lower() in ("y", "yes")
            line.send(pairing.verdict(here), _LINE_WITHIN)
            if not here:
                raise NotPaired("not confirmed; nothing was kept")
            if not there:
                terminal.say("Waiting for the answer over there.")
