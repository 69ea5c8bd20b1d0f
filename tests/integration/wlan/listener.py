"""Answers at ``tcp:PORT`` and ``udp:PORT`` of every address with the port and where the client believes to be (JSON).

As a script; it says ``listening`` and stays until it is ended.
"""

import json
import selectors
import socket
import struct
import sys

_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h


def original(link):
    """Where a connection was meant for: address and port, ``None`` where nobody led it here."""
    peer = link.getpeername()[0]
    try:
        if peer.startswith("::ffff:"):
            port, packed = struct.unpack("!2xH4s8x", link.getsockopt(socket.SOL_IP, _ORIGINAL_DST, 16))
            return [socket.inet_ntop(socket.AF_INET, packed), port]
        port, packed = struct.unpack("!2xH4x16s4x", link.getsockopt(socket.IPPROTO_IPV6, _ORIGINAL_DST, 28))
        return [socket.inet_ntop(socket.AF_INET6, packed), port]
    except OSError:
        return None


def main():
    chosen = selectors.DefaultSelector()
    for word in sys.argv[1:]:
        kind, port = word.split(":")
        line = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind == "udp":
            line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        line.bind(("::", int(port)))
        if kind == "tcp":
            line.listen()
        chosen.register(line, selectors.EVENT_READ, word)
    print("listening", flush=True)
    while True:
        for key, _ in chosen.select():
            line, word = key.fileobj, key.data
            if word.startswith("udp"):
                _, told, _, client = line.recvmsg(2048, 256)  # told: the address that it came to, to answer from
                line.sendmsg([json.dumps({"met": word, "meant": None}).encode()], told, 0, client)
                continue
            link, _ = line.accept()
            with link:
                link.sendall(json.dumps({"met": word, "meant": original(link)}).encode())


main()
