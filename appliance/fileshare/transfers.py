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

from pyftpdlib.handlers import FileProducer

from appliance.fileshare.data import Data, Door
from appliance.fileshare.looking import Looking
from appliance.fileshare.replies import Notice
from appliance.fileshare.session import FilesSession
from appliance.fileshare.upload import TooLarge, Upload

_log = logging.getLogger(__name__)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Transfers(Looking):
    """The part of a control connection that moves files. The other part sets ``session``, ``translate`` and ``fs``."""

    passive_dtp = Door
    dtp_handler = Data
    use_sendfile = False
    session: FilesSession
    _private = False
    _target = ""
    _restart_position: int
    _dtp_acceptor: Any
    _in_dtp_queue: Any
    _out_dtp_queue: Any

    @property
    def moving(self) -> bool:
        """Whether a transfer runs or waits for its connection; the rest of a refused one does not count."""
        running = self.data_channel is not None and self.data_channel.running
        return running or self._in_dtp_queue is not None or self._out_dtp_queue is not None

    def _make_epasv(self, extmode: bool = False) -> None:
        self._forget_waiting()
        if not self._private:
            self.say(Notice.PROTECT_FIRST)
            return
        try:
            super()._make_epasv(extmode)
        except OSError:
            self.say(Notice.NO_PORT)

    @property
    def expecting(self) -> bool:
        """Whether the client has a connection for a file, or has asked where to make one."""
        return self.data_channel is not None or (self._dtp_acceptor is not None and not self._dtp_acceptor._closed)

    def push_dtp_data(self, data: Any, isproducer: bool = False, file: Any = None, cmd: str | None = None) -> None:
        """Send ``data``, unless there is nothing that it could travel over."""
        if self.expecting:
            super().push_dtp_data(data, isproducer=isproducer, file=file, cmd=cmd)
        else:
            file.close()
            self.say(Notice.ASK_FIRST)

    def ftp_ABOR(self, line: str) -> None:
        """End the transfer that runs, or waits for its connection."""
        self._forget_waiting()
        self.discard()
        super().ftp_ABOR(line)

    def discard(self) -> None:
        """Keep nothing of the upload that runs, if one does: it is ended, it did not break off."""
        file = None if self.data_channel is None else self.data_channel.file_obj
        if isinstance(file, Upload):
            file.discard()

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
            self.failed(error)
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
        if self.expecting:
            self.session.fetched(file, size)
        self.push_dtp_data(FileProducer(found, "i"), isproducer=True, file=found, cmd="RETR")

    def ftp_STOR(self, file: str, mode: str = "w") -> None:
        """Take a file: new, from a position on (REST), or behind the present one (APPE)."""
        keep, self._restart_position = self._restart_position, 0
        try:
            instead_of = self.fs.own_size(file)
            if mode == "a":
                keep = self.fs.getsize(file) if self.fs.lexists(file) else self.fs.rest_size(file)
            refused = self.session.store(file, keep or None, instead_of)
            if refused is None and not self.expecting:
                refused = self.text(Notice.ASK_FIRST)
            if refused is not None:
                self.respond(refused)
                return
            upload = self.fs.upload(file, keep, self.session.largest, self.session.room)
        except TooLarge as error:
            self.respond(self.session.too_large(file, error.size, instead_of))
            return
        except OSError as error:
            if keep and error.errno in (errno.EINVAL, errno.ENOENT):
                self.say(Notice.BAD_OFFSET)
            else:
                self.failed(error)
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
            refused = self.session.store(self.fs.cwd, int(line.partition(" ")[0]))
            if refused is not None:
                self.respond(refused)
                return
        super().ftp_ALLO(line)

    def ftp_MKD(self, path: str) -> None:
        """Make a folder, if there is room for it."""
        refused = self.session.make()
        if refused is not None:
            self.respond(refused)
        else:
            super().ftp_MKD(path)

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
        try:
            upload.sync()
        except OSError as error:
            upload.discard()
            return self.not_stored(upload, error)
        instead_of = self.fs.own_size(self._target) + upload.paid
        refused = self.session.store(self._target, upload.size, instead_of)
        if refused is not None:
            upload.discard()
            return refused
        try:
            upload.be_of(self.fs.writer(self._target))
            upload.finish()
        except OSError as error:
            upload.discard()
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
        upload = self.data_channel.file_obj
        if isinstance(upload, Upload):
            upload.close()
            if upload.kept:
                return self.text(Notice.BROKEN_OFF)
        return self.text(Notice.ABORTED)

    def failed(self, error: OSError) -> None:
        """Reply that something on the disk cannot be done, or not now."""
        if error.errno in _FULL:
            self.say(Notice.FULL)
        else:
            super().failed(error)
