"""Password checks through the service, against bare LDAP binds on as many kept connections (the least it can cost).

Both pay for the same hashing in the same slapd, with the settings' own argon2 figures: nothing is remembered, except in
the last row. One account signs in from as many addresses as there are clients.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from urllib.parse import quote

import ldap3

from appliance.auth.client import Answer, AuthClient
from appliance.daemon.secret import Secret
from appliance.policy.account import Service
from bench.harness import Row
from tests.integration.auth.support import FRED, GOOD, School, open_school

CLIENTS, CHECKS, LESSONS = 30, 300, 10


@contextmanager
def rows() -> Iterator[tuple[Row, ...]]:
    """Give the rows while their slapd and service run."""
    with (
        open_school(directory="", auth="remember: 0 s\n") as school,
        open_school(directory="") as remembering,
        _Binds(school) as binds,
    ):
        yield (
            Row(
                "password checks, 30 clients",
                "1/s",
                True,
                lambda: asyncio.run(_rate(_service(school))),
                lambda: asyncio.run(_rate(binds.sign_in)),
                "bare binds",
            ),
            Row(
                "30 log-ons at once, p99",
                "ms",
                False,
                lambda: asyncio.run(_slowest(_service(school))),
                lambda: asyncio.run(_slowest(binds.sign_in)),
                "bare binds",
                limit=500.0,
            ),
            Row(
                "remembered passwords, 30 clients",
                "1/s",
                True,
                lambda: asyncio.run(_rate(_service(remembering))),
                lambda: asyncio.run(_rate(binds.sign_in)),
                "bare binds",
            ),
        )


class _Binds:
    """Rebinds on as many kept connections as the service keeps."""

    def __init__(self, school: School) -> None:
        directory = school.settings.directory
        self._name = f"uid={FRED},ou=people,{directory.base or 'dc=schule,dc=example'}"
        self._pool = ThreadPoolExecutor(directory.connections)
        self._free: SimpleQueue[ldap3.Connection] = SimpleQueue()
        for _ in range(directory.connections):
            server = ldap3.Server(
                f"ldapi://{quote(str(school.runtime / 'directory' / 'ldapi.sock'), safe='')}", get_info=ldap3.NONE
            )
            connection = ldap3.Connection(server, client_strategy=ldap3.SAFE_SYNC)
            connection.open()
            self._free.put(connection)

    def __enter__(self) -> _Binds:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown()

    async def sign_in(self, _number: int) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._bind)

    def _bind(self) -> None:
        connection = self._free.get()
        if not connection.rebind(self._name, GOOD)[0]:
            raise RuntimeError("the directory did not take the password")
        self._free.put(connection)


def _service(school: School) -> Callable[[int], Awaitable[None]]:
    client = AuthClient(school.socket)

    async def sign_in(number: int) -> None:
        verdict = await client.verify(Service.FILES, FRED, Secret(GOOD), f"10.1.0.{number}")
        if verdict.answer is not Answer.VERIFIED:
            raise RuntimeError(f"the service answered {verdict.answer}")

    return sign_in


async def _rate(sign_in: Callable[[int], Awaitable[None]]) -> float:
    async def client(number: int) -> None:
        for _ in range(CHECKS // CLIENTS):
            await sign_in(number)

    start = time.perf_counter()
    await asyncio.gather(*map(client, range(CLIENTS)))
    return CHECKS / (time.perf_counter() - start)


async def _slowest(sign_in: Callable[[int], Awaitable[None]]) -> float:
    async def timed(number: int) -> float:
        start = time.perf_counter()
        await sign_in(number)
        return (time.perf_counter() - start) * 1000

    taken = [one for _ in range(LESSONS) for one in await asyncio.gather(*map(timed, range(CLIENTS)))]
    return statistics.quantiles(taken, n=100)[98]
