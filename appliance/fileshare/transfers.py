"""Files on their way: what STOR, APPE, RETR, REST, ALLO and ABOR do (RFC 959, RFC 3659), each upload's end included.

May live here: the order of a transfer. May not: signing in and the other commands (``protocol``), decisions
(``session``), the bytes themselves (``data``), the disk (``store``).
"""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from typing import Any

from pyftpdlib.handlers import FileProducer, FTPHandler

from appliance.fileshare.data import Data, Door
from appliance.fileshare.files import Files
from appliance.fileshare.replies import Notice, notice
from appliance.fileshare.session import FilesSession
from appliance.fileshare.store import TooLarge, Upload
from appliance.session.replies import Translate

_log = logging.getLogger(__name__)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Transfers(FTPHandler):
    """The part of a control connection that moves files. The other part sets ``session``, ``translate`` and ``fs``."""

    passive_dtp = Door
    dtp_handler = Data
    use_sendfile = False
    session: FilesSession
    translate: Translate
    fs: Files
    _private = False
    _target = ""
    _restart_position: int
    _in_dtp_queue: Any
    _out_dtp_queue: Any

    @property
    def moving(self) -> bool:
        """Whether a transfer runs or waits for its connection; the rest of a refused one does not count."""
        running = self.data_channel is not None and self.data_channel.running
        return running or self._in_dtp_queue is not None or self._out_dtp_queue is not None

    def _make_epasv(self, extmode: bool = False) -> None:
        self._forget_waiting()
        if self._private:
            super()._make_epasv(extmode)
        else:
            self.say(Notice.PROTECT_FIRST)

    def ftp_ABOR(self, line: str) -> None:
        """End the transfer that runs, or waits for its connection."""
        self._forget_waiting()
        super().ftp_ABOR(line)

    def nobody_came(self) -> None:
        """Give up the transfer, if there is one, that waits for its connection."""
        if self._forget_waiting():
            self.say(Notice.NO_CONNECTION)

    def _forget_waiting(self) -> bool:
        """Drop what was to travel over a connection that has not come: it must not go over the next one."""
        waiting = [queue for queue in (self._in_dtp_queue, self._out_dtp_queue) if queue is not None]
        for file in (part for queue in waiting for part in queue if hasattr(part, "close")):
            file.close()
        self._in_dtp_queue = self._out_dtp_queue = None
        return bool(waiting)

    def ftp_RETR(self, file: str) -> None:
        """Send a file. Its whole size counts, wherever in it the client wants to begin."""
        start, self._restart_position = self._restart_position, 0
        try:
            found = os.fdopen(self.fs.read(file), "rb", buffering=0)
        except OSError as error:
            self._failed(error)
            return
        size = os.fstat(found.fileno()).st_size
        refused = self.session.fetch(file, size)
        if refused is None and start > size:
            refused = self.text(Notice.BAD_OFFSET)
        if refused is not None:
            found.close()
            self.respond(refused)
            return
        found.seek(start)
        self.session.fetched(file, size)
        self.push_dtp_data(FileProducer(found, "i"), isproducer=True, file=found, cmd="RETR")

    def ftp_STOR(self, file: str, mode: str = "w") -> None:
        """Take a file: new, from a position on (REST), or behind the present one (APPE)."""
        keep, self._restart_position = self._restart_position, 0
        try:
            instead_of = self.fs.own_size(file)
            if mode == "a":
                keep = self.fs.getsize(file) if self.fs.lexists(file) else 0
            refused = self.session.store(file, keep or None, instead_of)
            if refused is not None:
                self.respond(refused)
                return
            upload = self.fs.upload(file, keep, self.session.largest)
        except OSError as error:
            if keep and error.errno in (errno.EINVAL, errno.ENOENT):
                self.say(Notice.BAD_OFFSET)
            else:
                self._failed(error)
            return
        self._target = file
        if self.data_channel is not None:
            self.say(Notice.TRANSFER_READY)
            self.data_channel.file_obj = upload
            self.data_channel.enable_receiving("i", "STOR")
        else:
            self.say(Notice.TRANSFER_READY)
            self._in_dtp_queue = (upload, "STOR")

    def ftp_ALLO(self, line: str) -> None:
        """Say at once when a file of that size would be too large."""
        with suppress(ValueError):
            refused = self.session.store(self.fs.cwd, int(line.split()[0]))
            if refused is not None:
                self.respond(refused)
                return
        super().ftp_ALLO(line)

    def ftp_DELE(self, path: str) -> None:
        """Delete a file."""
        if super().ftp_DELE(path):
            self.session.removed(path)

    def ftp_TYPE(self, line: str) -> None:
        """Note the type and send every file as it is: what comes back is what was stored."""
        if line.upper().replace(" ", "") in ("A", "AN", "L7", "I", "L8"):
            self.say(Notice.TYPE_NOTED)
        else:
            super().ftp_TYPE(line)

    def keep(self, upload: Upload) -> str:
        """Put a whole upload in its place and give the reply; ``2..`` only once it is on stable storage."""
        instead_of = self.fs.own_size(self._target)
        refused = self.session.store(self._target, upload.size, instead_of)
        if refused is not None:
            upload.close()
            return refused
        try:
            upload.finish()
        except OSError as error:
            return self.not_stored(upload, error)
        self.session.stored(self._target, upload.size)
        return self.text(Notice.STORED)

    def not_stored(self, upload: Upload, error: TooLarge | OSError) -> str:
        """Give the reply for an upload that failed."""
        if isinstance(error, TooLarge):
            return self.session.too_large(self._target, error.size, self.fs.own_size(self._target))
        _log.error("a file of %d bytes is not stored: %s", upload.size, os.strerror(error.errno or 0))
        return self.text(Notice.FULL if error.errno in _FULL else Notice.NOT_STORED)

    def aborted(self) -> str:
        """Give the reply for a data connection that was cut."""
        return self.text(Notice.ABORTED)

    def _failed(self, error: OSError) -> None:
        if error.errno in _FULL:
            self.say(Notice.FULL)
        else:
            self.respond(f"550 {os.strerror(error.errno or 0)}.")

    def text(self, which: Notice) -> str:
        """Give the reply line of ``which``."""
        return notice(which, self.translate)

    def say(self, which: Notice) -> None:
        """Reply with ``which``."""
        self.respond(self.text(which))
