"""Connections that we accept ourselves."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from appliance.daemon import accepting


def test_each_comes_with_its_address_and_a_full_system_is_told_and_tried_again(monkeypatch, caplog) -> None:
    monkeypatch.setattr(accepting, "_AGAIN", 0.0)

    async def take() -> list[str]:
        loop = asyncio.get_running_loop()
        real, failures = loop.sock_accept, [OSError(errno.EMFILE, os.strerror(errno.EMFILE))]

        async def sock_accept(listener):
            if failures:
                raise failures.pop()
            return await real(listener)

        monkeypatch.setattr(loop, "sock_accept", sock_accept)
        addresses = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            clients = [socket.create_connection(listener.getsockname(), 10) for _ in range(2)]
            async for link, address in accepting.accepted(listener):
                addresses.append(address)
                link.close()
                if len(addresses) == len(clients):
                    break
            for client in clients:
                client.close()
        return addresses

    assert asyncio.run(take()) == ["127.0.0.1"] * 2
    (told,) = (record.getMessage() for record in caplog.records)
    assert told.startswith("a connection could not be accepted: OSError EMFILE at ")


def test_who_connects_without_a_pause_keeps_nobody_waiting() -> None:
    async def take() -> int:
        others = 0

        async def another() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(another())
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            clients = [socket.create_connection(listener.getsockname(), 10) for _ in range(20)]
            left = len(clients)
            async for link, _ in accepting.accepted(listener):
                link.close()
                left -= 1
                if not left:
                    break
            for client in clients:
                client.close()
        task.cancel()
        return others

    assert asyncio.run(take()) >= 19
