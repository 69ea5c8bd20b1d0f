import threading

import pytest

from appliance.directory.errors import DirectoryRefused, DirectoryUnavailable
from appliance.directory.pool import Pool


class Line:
    """Stands where a Link does: the pool asks it two things."""

    written = 0

    def __init__(self):
        self.gone = self.closed = False

    def stale(self):
        return self.gone

    def close(self):
        self.closed = True


def use(pool):
    with pool.link() as link:
        return link


def test_a_link_is_used_again():
    pool = Pool(Line, 2, 1.0)
    assert use(pool) is use(pool)
    assert pool.opened == 1


def test_a_stale_link_is_replaced():
    pool = Pool(Line, 2, 1.0)
    first = use(pool)
    first.gone = True
    assert use(pool) is not first
    assert first.closed
    assert pool.opened == 2


def test_what_broke_is_thrown_away_and_what_was_refused_is_kept():
    pool = Pool(Line, 1, 1.0)
    first = use(pool)
    with pytest.raises(DirectoryRefused), pool.link():
        raise DirectoryRefused("no")
    assert use(pool) is first
    with pytest.raises(DirectoryUnavailable), pool.link():
        raise DirectoryUnavailable("away")
    assert first.closed
    assert use(pool) is not first


def test_a_link_that_cannot_be_made_leaves_its_place():
    answers = [DirectoryUnavailable("away"), Line()]

    def make():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pool = Pool(make, 1, 0.01)
    with pytest.raises(DirectoryUnavailable, match="away"):
        use(pool)
    assert use(pool)


def test_who_waits_too_long_is_told():
    pool = Pool(Line, 1, 0.01)
    with pool.link(), pytest.raises(DirectoryUnavailable, match="in use"):
        use(pool)
    assert use(pool)


def test_who_waits_gets_the_next_free_link():
    pool, got = Pool(Line, 1, 10.0), []
    with pool.link() as link:
        thread = threading.Thread(target=lambda: got.append(use(pool)))
        thread.start()
    thread.join()
    assert got == [link]


def test_closed_links_stay_closed():
    pool = Pool(Line, 2, 1.0)
    free = use(pool)
    with pool.link() as taken:
        pass
    assert taken is free
    with pool.link() as taken:
        pool.close()
    assert taken.closed
