"""Who gets how far through tunnels with a limit of 20 MB in 10 minutes: the rule alone, in a time of its own (K12)."""

import pytest

from appliance.policy.request import Action
from appliance.proxy.allowance import with_tls
from appliance.proxy.exempt import Exempt, read_exempt
from appliance.proxy.metering import Meters

MB = 1_000_000
LIMIT = with_tls(20 * MB)
MINUTE = 60.0


class Pupil:
    """Moves bytes through tunnels as the proxy lets him; ``cut`` says after how many bytes it did not."""

    def __init__(self):
        self.meters = Meters(10 * MINUTE)
        self.exempt = Exempt(read_exempt(["updates", "learning", "video"]))
        self.cut = None
        self.moved = 0

    def move(self, host, n, now, up=False):
        """Move ``n`` bytes of files in records of 16 KiB, by a tunnel of its own; TLS adds 1 % and a handshake."""
        meter = self.meters.of("fred", host)
        free = meter.frees(Action.WRITE if up else Action.FETCH, LIMIT, now) == 0.0
        count = meter.up if up else meter.down
        size = 5000 + n * 101 // 100
        while size > 0 and self.cut is None:
            piece = min(size, 16384)
            if not self.exempt.covers(host) and (not free or count(piece, now) > LIMIT):
                self.cut = self.moved
            self.moved += piece
            size -= piece
        meter.release()


def browse(pupil, sites, pages_of_a_site, own_share, minutes=15):
    """A page of 2.2 MB (the web's median, HTTP Archive) each 30 s, from 15 hosts, 6 of which all sites use."""
    page = 2_200_000
    for number in range(minutes * 2):
        now = number * 30.0
        site = number // pages_of_a_site % sites
        pupil.move(f"www.site{site}.example", int(page * own_share), now)
        rest = int(page * (1 - own_share) / 14)
        for other in range(14):
            host = f"cdn{other}.example" if other < 6 else f"static{other}.site{site}.example"
            pupil.move(host, rest, now)
            pupil.move(host, 3000, now, up=True)


def test_a_lesson_of_school_video_survives():
    pupil = Pupil()
    for second in range(45 * 60):
        pupil.move("nrodlzdf-a.akamaihd.net", 5 * MB // 8, float(second))
    assert pupil.cut is None
    assert pupil.moved > 1600 * MB


def test_the_same_film_from_a_host_that_nobody_knows_does_not():
    pupil = Pupil()
    for second in range(45 * 60):
        pupil.move("films.example", 5 * MB // 8, float(second))
    assert pupil.cut == pytest.approx(20 * MB, rel=0.03)


@pytest.mark.parametrize(("sites", "pages", "own_share"), [(8, 5, 0.5), (15, 2, 0.8), (2, 10, 0.4), (30, 1, 0.9)])
def test_fifteen_minutes_of_ordinary_browsing_survive(sites, pages, own_share):
    pupil = Pupil()
    browse(pupil, sites, pages, own_share)
    assert pupil.cut is None
    assert pupil.moved > 60 * MB


def test_the_price_twenty_new_pages_of_one_host_alone_do_not():
    pupil = Pupil()
    browse(pupil, 1, 1000, 0.95)
    assert 20 * MB < pupil.cut < 24 * MB


@pytest.mark.parametrize("up", [False, True])
def test_a_transfer_of_25_mb_does_not_survive_and_one_of_20_does(up):
    large, right = Pupil(), Pupil()
    large.move("files.example", 25 * MB, 5.0, up)
    right.move("files.example", 20 * MB, 5.0, up)
    assert 20 * MB <= large.cut <= LIMIT
    assert right.cut is None


def test_pieces_by_many_tunnels_are_one_transfer():
    pupil = Pupil()
    for number in range(25):
        pupil.move("files.example", MB, 10.0 * number)
    assert 20 * MB <= pupil.cut <= LIMIT


def test_who_waits_for_the_window_has_the_limit_again_and_no_more():
    pupil = Pupil()
    pupil.move("files.example", 20 * MB, 0.0)
    assert pupil.meters.of("fred", "files.example").frees(Action.FETCH, LIMIT - 20 * MB, 1.0) > 9 * MINUTE
    pupil.move("files.example", 19 * MB, 11 * MINUTE)
    assert pupil.cut is None
    pupil.move("files.example", 2 * MB, 15 * MINUTE)
    assert pupil.cut is not None
