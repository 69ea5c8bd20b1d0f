"""A line that is shared fairly (``line_rate``), measured where the bytes arrive, by who got how many of them."""

import time
from collections import Counter

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import cpu
from tests.integration.proxy.moving import Moving, download, going_on, plain, upload
from tests.integration.proxy.moving_school import Busy, start

MB = 1_000_000
SHARED = "line_rate: {down: 80 Mbit/s, up: 80 Mbit/s}"
RATE = 10 * MB
FAIR = 0.6
"""Of an equal part: less is not fair."""


class Lined(Busy):
    """A school with hardly a limit, and a line."""

    LIMIT = 1 << 40
    TIMES = f"{Busy.TIMES}connections_per_address: 500\n{SHARED}\n"


@pytest.fixture(scope="module")
def lined():
    with start(Lined) as school:
        yield school


def test_one_with_fifty_downloads_and_ten_with_one_each_get_the_same(lined):
    many, ones = lined.somebody(), [lined.somebody() for _ in range(10)]
    with going_on(_some_way(lined, login, way) for way, login in enumerate([many] * 50 + ones)) as flows:
        got, seconds = _next(30 * MB, lambda: _by_login(flows, [many] * 50 + ones))
    assert min(got[login] for login in ones) >= FAIR * got.total() / 11
    assert got[many] >= FAIR * got.total() / 11
    assert got.total() <= 1.1 * RATE * seconds


def test_one_with_fifty_uploads_and_ten_with_one_each_get_the_same(lined):
    many, ones = lined.somebody(), [lined.somebody() for _ in range(10)]
    with going_on(_some_upload(lined, login, way) for way, login in enumerate([many] * 50 + ones)):
        got, seconds = _next(20 * MB, lambda: lined.far.taken)
    assert min(got[f"/{login}"] for login in ones) >= FAIR * got.total() / 11
    assert got.total() <= 1.1 * RATE * seconds


def test_who_is_alone_has_the_whole_line_and_other_hosts_and_ways_are_the_same_line(lined):
    one, other = lined.somebody(), lined.somebody()
    with going_on(download(lined, site, one) for site in (lined.far,)) as alone:
        got, seconds = _next(10 * MB, lambda: _by_login(alone, [one]))
        speed = got.total() / seconds
        with going_on([download(lined, lined.free, other)]) as exempt:
            got, seconds = _next(10 * MB, lambda: _by_login([*alone, *exempt], [one, other]))
    assert speed >= 0.7 * got.total() / seconds
    assert min(got.values()) >= FAIR * got.total() / 2


def test_a_line_that_changes_acts_on_who_waits(lined):
    logins = [lined.somebody() for _ in range(4)] * 5
    with going_on(_some_way(lined, login, way) for way, login in enumerate(logins)) as flows:
        _got, before = _next(10 * MB, lambda: _by_login(flows, logins))
        lined.reload(SHARED, "line_rate: {down: 20 Mbit/s}")
        _got, slower = _next(4 * MB, lambda: _by_login(flows, logins))
        assert slower > before
        lined.reload("line_rate: {down: 20 Mbit/s}", "line_rate: {}")
        _got, free = _next(40 * MB, lambda: _by_login(flows, logins))
        assert free < 40 * MB / RATE
        moved = [flow.moved for flow in flows]
        eventually(lambda: all(flow.moved > had for flow, had in zip(flows, moved, strict=True)))
    lined.reload("line_rate: {}", SHARED)
    with going_on([download(lined, lined.far, lined.somebody())]) as new:
        _got, seconds = _next(5 * MB, lambda: _by_login(new, ["new"]))
    assert seconds > 4 * MB / RATE


def test_who_waits_takes_no_time_of_the_machine(lined):
    lined.reload(SHARED, "line_rate: {down: 4 Mbit/s}")
    logins = [lined.somebody() for _ in range(6)] * 10
    (worker,) = lined.proxy.children()
    try:
        with going_on(_some_way(lined, login, way) for way, login in enumerate(logins)) as flows:
            _next(MB // 2, lambda: _by_login(flows, logins))
            before = cpu(worker)
            _got, seconds = _next(MB, lambda: _by_login(flows, logins))
            used = cpu(worker) - before
    finally:
        lined.reload("line_rate: {down: 4 Mbit/s}", SHARED)
    assert used < seconds / 4


def _some_way(school, login, number):
    """A download that does not end: through a tunnel, one at the other port, or in clear."""
    if number % 3 == 2:
        return Moving(plain(school, school.far, login, "GET /endless"))
    return download(school, school.far, login, ("proxy", "proxy-tls")[number % 3])


def _some_upload(school, login, number):
    if number % 3 == 2:
        return Moving(plain(school, school.far, login, f"POST /{login}", f"Content-Length: {1 << 40}"), up=True)
    return upload(school, school.far, login, f"/{login}", ("proxy", "proxy-tls")[number % 3])


def _by_login(flows, logins):
    moved = Counter()
    for flow, login in zip(flows, logins, strict=True):
        moved[login] += flow.moved
    return moved


def _next(size, counted):
    """Wait until ``size`` more bytes are ``counted``; whose they are, and how many seconds that took."""
    before, began = Counter(counted()), time.monotonic()
    eventually(lambda: Counter(counted()).total() - before.total() >= size)
    return Counter(counted()) - before, time.monotonic() - began
