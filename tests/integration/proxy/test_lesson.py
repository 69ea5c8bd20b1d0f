"""What a lesson moves, with the limit of 20 MB (K12): its bytes are real, its minutes are not waited for.

All comes within one window, which is stricter than the clock. What a browser does is as in the model of the unit tests.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.proxy.moving import body_of, download, load, tunnel, upload
from tests.integration.proxy.moving_school import Busy, start
from tests.integration.proxy.moving_site import Site, head_of

MB = 1_000_000
VIDEO = 45 * 60 * 5 * MB // 8
PAGE = 2_200_000
SITES, PAGES, OWN_SHARE = 6, 30, 0.5
_CDN, _STATIC = 6, 8


class Lesson(Busy):
    LIMIT = 20 * MB

    def _beyond(self, stack):
        own = [Site(f"127.0.1.{number + 1}", stack) for number in range(SITES)]
        shared = [Site(f"127.0.2.{number + 1}", stack) for number in range(_CDN)]
        static = [Site(f"127.0.3.{number + 1}", stack) for number in range(SITES * _STATIC)]
        self.sites = [(own[n], [*shared, *static[n * _STATIC : (n + 1) * _STATIC]]) for n in range(SITES)]
        return [*super()._beyond(stack), *(site.where for site in (*own, *shared, *static))]


@pytest.fixture(scope="module")
def lesson():
    with start(Lesson) as school:
        yield school


def test_a_lesson_of_school_video_and_a_quarter_of_an_hour_of_browsing_survive(lesson):
    login = lesson.somebody()
    with ThreadPoolExecutor(1) as pool, tunnel(lesson, lesson.free, login) as video:
        video.sendall(f"GET /bytes/{VIDEO} HTTP/1.1\r\n\r\n".encode())
        seen = pool.submit(lambda: body_of(video, VIDEO) if head_of(video) else 0)
        assert _browse(lesson, login) > 60 * MB
        assert seen.result() == VIDEO


@pytest.mark.parametrize("up", [False, True])
def test_a_transfer_of_25_mb_does_not_survive_and_one_of_20_does(lesson, up):
    assert load(lesson, lesson.far, lesson.somebody(), 20 * MB, up)
    assert not load(lesson, lesson.far, lesson.somebody(), 25 * MB, up)


def test_what_does_not_survive_is_cut_between_20_and_21_mb(lesson):
    before = lesson.far.given
    assert download(lesson, lesson.far, lesson.somebody()).until_cut() < 21 * MB
    assert lesson.far.given - before > 20 * MB
    assert upload(lesson, lesson.far, lesson.somebody(), "/cut").until_cut() > 20 * MB
    assert lesson.far.taken["/cut"] < 21 * MB


def _browse(school, login):
    """Load 30 pages, each from 15 hosts, over tunnels that stay open; gives the bytes."""
    came, tunnels = 0, {}
    with contextlib.ExitStack() as stack:
        for number in range(PAGES):
            own, others = school.sites[number // 5 % SITES]
            rest = int(PAGE * (1 - OWN_SHARE) / len(others))
            for site, size in ((own, int(PAGE * OWN_SHARE)), *((other, rest) for other in others)):
                if site not in tunnels:
                    tunnels[site] = stack.enter_context(tunnel(school, site, login))
                tunnels[site].sendall(f"GET /bytes/{size} HTTP/1.1\r\nCookie: {'x' * 3000}\r\n\r\n".encode())
                assert " 200 " in head_of(tunnels[site])
                assert body_of(tunnels[site], size) == size
                came += size
    return came
