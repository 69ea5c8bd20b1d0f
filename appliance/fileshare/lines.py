"""Commands as they come: bytes become lines, lines become commands, one after the other (RFC 959, 4 and RFC 2640).

May live here: what is no command that anybody should see, when commands wait, and in which language they are answered.
May not: what a command does. A line is taken whole or not at all: no part of one passes for another.
"""

from __future__ import annotations

import re
from functools import lru_cache

from appliance.daemon.texts import LANGUAGES, translator
from appliance.fileshare.replies import Notice
from appliance.fileshare.shares import is_name
from appliance.fileshare.transfers import Transfers

_MOVING = frozenset({"STOR", "APPE", "RETR", "LIST", "NLST", "MLSD"})
_SIGNALS = re.compile(rb"(?:\xff[\xf1-\xf9])*")  # telnet's, which programs send before ABOR (RFC 959, 4.1.3)
_LONGEST_LINE = 2048  # bytes
_RECORD = 16_384  # bytes, the most that TLS decrypts at once (RFC 8446, 5.1): of what it holds back no event tells
_MOST_REPLIES = 100


class Lines(Transfers):
    """The part of a control connection that takes commands. The other part sets ``language``, the school's."""

    ac_in_buffer_size = _RECORD
    authenticated: bool
    language: str
    waiting = False  # while a command is being worked on elsewhere, the others wait
    _closing: bool
    _in_buffer: list[bytes]
    _in_buffer_len: int
    _later: list[bytes | None] | None = None

    def handle_read_event(self) -> None:
        """Take commands, from one who reads the replies."""
        if self._later or self._unread:
            self.ioloop.modify(self._fileno, self.ioloop.WRITE)
            self._wanted_io_events = self._current_io_events = self.ioloop.WRITE
        else:
            super().handle_read_event()

    def handle_write_event(self) -> None:
        """Give replies, and take the commands that have waited until these are read."""
        super().handle_write_event()
        if self._later and not self.waiting and not self._unread:
            self.go_on()

    def collect_incoming_data(self, data: bytes) -> None:
        """Take a piece of a line; of one that is too long, none."""
        self._in_buffer_len += len(data)
        if self._in_buffer_len <= _LONGEST_LINE:
            self._in_buffer.append(data)
        else:
            self._in_buffer = []

    def found_terminator(self) -> None:
        """Take the end of a line."""
        line = b"".join(self._in_buffer) if self._in_buffer_len <= _LONGEST_LINE else None
        self._in_buffer, self._in_buffer_len = [], 0
        self._hear(line)

    def go_on(self) -> None:
        """Take the commands that have waited."""
        self.waiting = False
        later, self._later = self._later or [], None
        for line in later:
            self._hear(line)

    def decode(self, data: bytes) -> str:
        """Give the line as text; raises ``UnicodeDecodeError`` rather than changing a name."""
        return _SIGNALS.sub(b"", data, count=1).decode("utf-8", "strict")

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """Refuse lines with control characters, which could pass for other lines elsewhere."""
        if line and not all(map(is_name, filter(None, line.split("/")))):
            self.say(Notice.BAD_COMMAND)
        elif cmd in _MOVING and self.authenticated and self.moving:
            self.say(Notice.MOVING)
        else:
            super().pre_process_command(line, cmd, arg)

    def ftp_LANG(self, line: str) -> None:
        """Speak another language from now on, or the school's again (RFC 2640, 4)."""
        wanted = line.lower().partition("-")[0] or self.language
        if wanted not in LANGUAGES:
            self.say(Notice.NO_LANGUAGE)
            return
        self.speak(wanted)
        self.session.speak(self.translate)
        self.say(Notice.LANGUAGE)

    def speak(self, language: str) -> None:
        """Speak ``language``, one of :data:`appliance.daemon.texts.LANGUAGES`."""
        self.translate = translator(language)
        self._extra_feats = _features(language)

    @property
    def _unread(self) -> bool:
        """Whether there are so many replies that nobody has read that no more are made."""
        return len(self.producer_fifo) > _MOST_REPLIES

    def _hear(self, line: bytes | None) -> None:
        if self._closing or self._closed:
            return  # the last word is said
        if self.waiting or self._unread:
            self._later = self._later or []  # never more than a record of them
            self._later.append(line)
        elif line is None:
            self.say(Notice.TOO_LONG)
        else:
            begun = self._in_buffer, self._in_buffer_len
            self._in_buffer = [line]
            super().found_terminator()
            self._in_buffer, self._in_buffer_len = begun


@lru_cache(maxsize=8)
def _features(language: str) -> tuple[str, ...]:
    """What FEAT tells beside what pyftpdlib does; the language that is spoken has a star (RFC 2640, 4.3)."""
    spoken = ";".join(f"{one.upper()}*" if one == language else one.upper() for one in LANGUAGES)
    return "AUTH TLS", "PBSZ", "PROT", f"LANG {spoken}"
