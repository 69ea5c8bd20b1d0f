"""A PC that asks for the time ([MS-SNTP] 2.2.1): ``ntp_client.py HOST [RID PASSWORD]``; prints what came, as JSON.

It asks again until an answer comes or five seconds are over, as a PC does.
"""

import hashlib
import json
import socket
import struct
import sys
import time
from contextlib import suppress

SINCE_1900 = 2_208_988_800  # seconds


def main(host: str, rid: str = "", password: str = "") -> None:
    request = struct.pack("!B47x", 0x1B)  # version 3, client
    if rid:
        request += struct.pack("<I16x", int(rid))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(0.3)
        line.connect((host, 123))
        end, answer = time.monotonic() + 5, b""
        while not answer and time.monotonic() < end:
            with suppress(OSError):
                line.send(request)
                answer = line.recv(1000)
    if not answer:
        print(json.dumps(None))
        return
    given = struct.unpack_from("!I", answer, 40)[0] - SINCE_1900
    print(
        json.dumps(
            {
                "asked": len(request),
                "length": len(answer),
                "stratum": answer[1],
                "off": abs(given - time.time()),
                "signed": bool(rid) and answer[52:] == signature(password, answer[:48]),
            }
        )
    )


def signature(password: str, packet: bytes) -> bytes:
    from samba.credentials import Credentials

    machine = Credentials()
    machine.set_password(password)
    return hashlib.md5(machine.get_nt_hash() + packet, usedforsecurity=False).digest()


if __name__ == "__main__":
    main(*sys.argv[1:])
