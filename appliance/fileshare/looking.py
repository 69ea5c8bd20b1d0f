"""What there is: LIST, NLST, MLSD, STAT and SIZE (RFC 959, RFC 3659).

May live here: the way of a listing to the client, a piece whenever there is room for it, so that others are served in
between and one who reads slowly costs two descriptors. May not: reading the disk (``listing``), files (``transfers``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from pyftpdlib.handlers import FTPHandler

from appliance.fileshare.files import Files
from appliance.fileshare.listing import Pieces
from appliance.fileshare.replies import Notice, notice
from appliance.session.replies import Translate

Form = Callable[[str, Mapping[str, os.stat_result]], bytes]


class Looking(FTPHandler):
    """The part of a control connection that shows what there is; the others set ``translate`` and ``fs``."""

    translate: Translate
    fs: Files
    _current_facts: list[str]

    def ftp_LIST(self, path: str) -> None:
        """List a folder for people."""
        self._show("LIST", path, self.fs.lines)

    def ftp_NLST(self, path: str) -> None:
        """List the names in a folder."""
        self._show("NLST", path, lambda _folder, found: "".join(f"{name}\r\n" for name in found).encode())

    def ftp_MLSD(self, path: str) -> None:
        """List a folder for programs."""
        if not self.fs.isdir(path):
            self.say(Notice.NO_FOLDER)
            return
        perms, facts = self.authorizer.get_perms(self.username), list(self._current_facts)
        self._show("MLSD", path, lambda folder, found: self.fs.facts(folder, found, perms, facts))

    def ftp_STAT(self, path: str) -> None:
        """Tell about the session or one file; whole folders belong on a connection of their own."""
        if path and self.fs.isdir(path):
            self.say(Notice.LIST_INSTEAD)
        else:
            super().ftp_STAT(path)

    def ftp_SIZE(self, path: str) -> None:
        """Tell the size of a file, or, to its owner, of what is left of a broken upload where none is yet."""
        rest = self.fs.rest_size(path)
        if rest:
            self.respond(f"213 {rest}")
        else:
            super().ftp_SIZE(path)

    def failed(self, error: OSError) -> None:
        """Reply that something on the disk cannot be done."""
        self.respond(f"550 {os.strerror(error.errno or 0)}.")

    def text(self, which: Notice) -> str:
        """Give the reply line of ``which``."""
        return notice(which, self.translate)

    def say(self, which: Notice) -> None:
        """Reply with ``which``."""
        self.respond(self.text(which))

    def _show(self, command: str, path: str, form: Form) -> None:
        try:
            folder, pieces = self.fs.look(path)
        except OSError as error:
            self.failed(error)
            return
        lines = _Lines(pieces, lambda found: form(folder, found), self._broken)
        self.push_dtp_data(lines, isproducer=True, file=lines, cmd=command)

    def _broken(self) -> None:
        if self.data_channel is not None:
            self.data_channel._resp = (self.text(Notice.NOT_LISTED), None)
            self.data_channel.abort()


class _Lines:
    """A listing on its way: what pyftpdlib calls a producer and, so that it is closed in any case, a file."""

    name = ""

    def __init__(
        self, pieces: Pieces, form: Callable[[Mapping[str, os.stat_result]], bytes], broken: Callable[[], None]
    ) -> None:
        self._pieces = pieces
        self._form = form
        self._broken = broken
        self.closed = False

    def more(self) -> bytes:
        """Give some lines; none at the end."""
        try:
            while not self.closed and (found := self._pieces.piece()) is not None:
                if found:
                    return self._form(found)
        except OSError:
            self._broken()
        return b""

    def close(self) -> None:
        """Give back what it holds."""
        self.closed = True
        self._pieces.close()
