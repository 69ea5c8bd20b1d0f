"""PCs that look up names: ``dns_client.py OUTSIDE LOCAL``; prints what came, as JSON.

It asks for OUTSIDE names of the internet, waits for none of them, and then for LOCAL names of the domain, one after the
other; then it looks up one of each kind as the proxy does.
"""

import asyncio
import json
import socket
import struct
import sys
import time

from twisted.internet import asyncioreactor, defer, task

asyncioreactor.install(asyncio.new_event_loop())

from twisted.internet import reactor  # noqa: E402 - it is the one that was just installed

from appliance.proxy.names import Missing, Names  # noqa: E402 - as above

SERVER = ("127.0.0.1", 53)


def query(number: int, name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def waits(outside: int, local: int) -> list[float]:
    """Return how long each local name took (seconds)."""
    found = []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as many,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
    ):
        many.connect(SERVER)
        one.connect(SERVER)
        one.settimeout(5)
        for number in range(outside):
            many.send(query(number, f"host{number}.example.org"))
        for number in range(local):
            begin = time.monotonic()
            one.send(query(number, "mail.schule.example"))
            answer = one.recv(1000)
            assert answer[3] & 15 == 0 and answer[7] == 1, answer
            found.append(time.monotonic() - begin)
    return sorted(found)


async def proxied() -> dict[str, object]:
    names = Names(reactor, 1.0)
    begin = time.monotonic()
    outside = defer.ensureDeferred(names.look_up("www.example.org", False))
    local = await names.look_up("mail.schule.example", True)
    took = time.monotonic() - begin
    missing = await outside
    return {"local": [str(one) for one in local], "took": took, "outside": missing is Missing.ANSWER}


def main(_reactor: object, outside: str, local: str) -> defer.Deferred[None]:
    found = waits(int(outside), int(local))

    async def told() -> None:
        print(json.dumps({"median": found[len(found) // 2], "longest": found[-1], "proxy": await proxied()}))

    return defer.ensureDeferred(told())


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
