"""Holds a process like smbd, which is somebody else at the moment, in a user namespace of its own; prints the outcome.

``held.py RIGHT``: of root's rights it keeps the one capability of that number. There, unlike in many containers, root
has all of them at first. Reads a line when its ids are mapped.
"""

import ctypes
import os
import resource
import sys

from appliance.fileshare.smb.smbd import Smbd

CLONE_NEWUSER, PR_SET_NAME, PR_CAPBSET_READ, PR_CAPBSET_DROP = 0x10000000, 15, 23, 24
libc = ctypes.CDLL(None, use_errno=True)


def smbd(told: int) -> None:
    libc.prctl(PR_SET_NAME, b"smbd", 0, 0, 0)
    os.setresgid(-1, 20000, -1)
    os.setresuid(-1, 20000, -1)
    os.write(told, b"x")
    sys.stdin.readline()


def main() -> None:
    if sys.argv[2:] == ["again"]:  # executed anew, so that it has no more than is left
        pid = int(sys.stdin.readline())
        try:
            Smbd(pid).confine(4711)
        except PermissionError:
            print("not allowed")
        else:
            print(*resource.prlimit(pid, resource.RLIMIT_FSIZE))
        return
    assert libc.unshare(CLONE_NEWUSER) == 0, os.strerror(ctypes.get_errno())
    print("map", flush=True)
    sys.stdin.readline()
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    reading, writing = os.pipe()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(reader, 0)
        os.close(writer)
        smbd(writing)
        os._exit(0)
    os.read(reading, 1)
    number = 0
    while libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        if number != int(sys.argv[1]):
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        number += 1
    question, asking = os.pipe()
    os.write(asking, f"{pid}\n".encode())
    os.dup2(question, 0)
    os.set_inheritable(writer, True)  # its end ends the process
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "again"])


main()
