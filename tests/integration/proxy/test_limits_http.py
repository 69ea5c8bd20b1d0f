"""How large a file in clear may be (K12): as it is said, as it is counted, and as it is put together from ranges."""

import pytest

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.moving import Moving, body_of, plain, text_of, why
from tests.integration.proxy.moving_site import head_of
from tests.integration.support_parts import LIMIT

QUARTER = LIMIT // 4


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_a_download_that_says_it_is_too_large_is_refused_at_once(busy, port):
    with plain(busy, busy.far, busy.somebody(), f"GET /bytes/{LIMIT + 1}", port=port) as client:
        head = head_of(client)
        assert " 403 " in head
        page = text_of(client, head)
    assert "größer, als Sie herunterladen dürfen" in page
    assert why(busy, page.partition("<code>")[2].partition("</code>")[0])["reason"] == "too-large"


def test_an_upload_that_says_it_is_too_large_is_refused_before_the_site_hears_of_it(busy):
    length = f"Content-Length: {LIMIT + 1}"
    with plain(busy, busy.far, busy.somebody(), "POST /said", length) as client:
        client.sendall(bytes(1000))
        assert _status(client) == 413
    assert "/said" not in busy.far.taken


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
@pytest.mark.parametrize("path", ["/chunked", "/endless"])
def test_a_download_that_does_not_say_how_large_it_is_is_cut_at_the_limit(busy, path, port):
    with plain(busy, busy.far, busy.somebody(), f"GET {path}", port=port) as client:
        assert _status(client) == 200
        assert Moving(client).until_cut() <= LIMIT * 1.01


def test_an_upload_that_does_not_say_how_large_it_is_is_ended_at_the_limit(busy):
    with plain(busy, busy.far, busy.somebody(), "POST /chunks", "Transfer-Encoding: chunked") as client:
        client.sendall((b"10000\r\n" + bytes(65536) + b"\r\n") * (LIMIT // 65536 + 1))
        assert _status(client) == 413
    assert busy.far.taken["/chunks"] <= LIMIT * 1.01


@pytest.mark.parametrize("whole", ["", f"?of={LIMIT}"], ids=["unknown", "told"])
def test_ranges_of_one_file_are_added_up(busy, whole):
    login = busy.somebody()
    assert [_range(busy, login, f"/part{whole}", n) for n in range(5)] == [206] * 4 + [403]
    assert _range(busy, login, "/other", 0) == 206


def test_ranges_over_one_connection_are_added_up(busy):
    login, client, statuses = busy.somebody(), None, []
    for number in range(5):
        client = _ask(busy, login, "/part", number * QUARTER, QUARTER, client)
        statuses.append(_status(client))
        body_of(client, QUARTER)
    assert statuses == [206] * 4 + [403]
    client.close()


def test_ranges_are_added_up_however_the_file_is_called_and_side_by_side(busy):
    login = busy.somebody()
    before = busy.far.given
    names = ["/film.mp4?a=1", "/%66ilm.mp4", "//Film.mp4;x", "/x/../film.mp4"]
    clients = [_ask(busy, login, name, 0, QUARTER * 3 // 2) for name in names]
    came = [body_of(client, QUARTER * 3 // 2) for client in clients if head_of(client).startswith("HTTP/1.1 206")]
    assert sum(came) <= LIMIT
    assert busy.far.given - before >= QUARTER, "what a reset takes away again did pass"


def test_a_range_of_what_is_too_large_is_refused_at_once(busy):
    with _ask(busy, busy.somebody(), f"/part?of={LIMIT + 1}", 0, 9) as client:
        assert _status(client) == 403


def test_what_was_cut_is_not_got_by_ranges(busy):
    login = busy.somebody()
    with plain(busy, busy.far, login, "GET /chunked") as client:
        Moving(client).until_cut()
    assert _range(busy, login, "/chunked", 4) == 403


def test_what_was_broken_off_by_who_asked_counts_for_ranges(busy):
    login = busy.somebody()
    size = LIMIT - 1000
    with plain(busy, busy.far, login, f"GET /short/bytes/{size}") as client:
        assert _status(client) == 200
        assert body_of(client, size) == size
    eventually(lambda: _refused(busy, login, f"/short/bytes/{size}", 2000))


def test_heads_do_not_count(busy):
    login = busy.somebody()
    with plain(busy, busy.far, login, f"HEAD /bytes/{3 * LIMIT}") as client:
        for _ in range(3):
            assert _status(client) == 200
            plain(busy, busy.far, login, f"HEAD /bytes/{3 * LIMIT}", client=client)


def test_one_file_after_the_other_is_not_one_file(busy):
    login = busy.somebody()
    for _ in range(3):
        with plain(busy, busy.far, login, f"GET /bytes/{LIMIT}") as client:
            assert _status(client) == 200
            assert body_of(client, LIMIT) == LIMIT


def test_an_exempt_host_has_no_limit(busy):
    login, size = busy.somebody(), 3 * LIMIT
    with plain(busy, busy.free, login, f"GET /bytes/{size}") as client:
        assert _status(client) == 200
        assert body_of(client, size) == size
        plain(busy, busy.free, login, "GET /part", f"Range: bytes=0-{size - 1}", client=client)
        assert _status(client) == 206
        assert body_of(client, size) == size
        plain(busy, busy.free, login, "POST /free", f"Content-Length: {size}", client=client).sendall(bytes(size))
        assert _status(client) == 200
        plain(busy, busy.free, login, "GET /chunked", client=client)
        assert body_of(client, size) == size


def _status(client):
    return int(head_of(client)[9:12])


def _ask(school, login, path, first, size, client=None):
    asked = f"Range: bytes={first}-{first + size - 1}"
    return plain(school, school.far, login, f"GET {path}", asked, client=client)


def _refused(school, login, path, size):
    with _ask(school, login, path, 0, size) as client:
        return _status(client) == 403


def _range(school, login, path, number):
    """Ask for a quarter of the limit over a new connection; the status."""
    with _ask(school, login, path, number * QUARTER, QUARTER) as client:
        status = _status(client)
        assert status != 206 or body_of(client, QUARTER) == QUARTER
    return status
