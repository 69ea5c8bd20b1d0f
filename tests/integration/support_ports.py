"""Ports on the loopback for servers that a test starts."""

import itertools
import random
import socket

_PORTS = range(10_000, 29_000)  # below FTP's passive ones and those that the kernel gives to connections
_order = itertools.cycle(random.sample(_PORTS, len(_PORTS)))


def free_port() -> int:
    """Give a port of 127.0.0.1 on which nobody listens, and another one each time: it is used only later."""
    for port in itertools.islice(_order, len(_PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
