"""A PC with a drive (SMB 3), which stays: runs inside of the domain's network, and answers each line by one.

Lines are JSON lists: ["connect", login, password], ["put", name, size], ["get", name], ["here"], ["wait", seconds].
The answer is ``done``, the name of an NTSTATUS ([MS-ERREF] 2.3.1), or of "get" the size of what came, of "wait" whether
the server ended the connection. Files hold zeros.
"""

import json
import os
import select
import socket
import sys
from collections.abc import Iterator

from samba import NTSTATUSError, ntstatus, param
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param as s3param

WRITE, ALL, MAKE = 0x12019F, 7, 5
BLOCK = 1 << 16
PORT = 445
NAMES = {number: name for name, number in vars(ntstatus).items() if name.startswith("NT_STATUS_")}


class Pc:
    """One PC in the share Home."""

    def __init__(self) -> None:
        self._line: libsmb.Conn = None

    def connect(self, login: str, password: str) -> str:
        loaded = s3param.get_context()
        loaded.load("/dev/null")
        credentials = Credentials()
        credentials.guess(param.LoadParm())
        credentials.set_username(login)
        credentials.set_password(password)
        credentials.set_domain("SCHULE")
        credentials.set_kerberos_state(DONT_USE_KERBEROS)
        self._line = libsmb.Conn("server", "Home", loaded, credentials)
        return "done"

    def put(self, name: str, size: int) -> str:
        """Write block after block: several at once make libsmb end the connection when one is cut short."""
        file = self._line.create(name, DesiredAccess=WRITE, ShareAccess=ALL, CreateDisposition=MAKE)
        try:
            for start in range(0, size, BLOCK):
                self._line.write(file, bytes(min(BLOCK, size - start)), start)
        finally:
            self._line.close(file)
        return "done"

    def get(self, name: str) -> int:
        data = self._line.loadfile(name)
        return len(data) if not data.strip(b"\0") else 0

    def here(self) -> str:
        self._line.list("\\")
        return "done"

    def wait(self, seconds: float) -> bool:
        """The kernel tells when the other end is closed; nothing is asked."""
        poll = select.poll()
        for descriptor in lines():
            poll.register(descriptor, select.POLLRDHUP)
        return bool(poll.poll(seconds * 1000))


def lines() -> Iterator[int]:
    """Our connections to the server."""
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as found:
                if found.getpeername()[1] == PORT:
                    yield int(name)
        except OSError:
            continue  # no socket, or none with another end


def main() -> None:
    pc = Pc()
    for line in sys.stdin:
        action, *rest = json.loads(line)
        try:
            answer = getattr(pc, action)(*rest)
        except NTSTATUSError as error:
            answer = NAMES.get(error.args[0] & 0xFFFFFFFF, hex(error.args[0]))
        print(json.dumps(answer), flush=True)


main()
