"""Ways to carry more than the limit past it."""

import contextlib

from tests.integration.proxy.school import answer
from tests.integration.proxy.wire import asked, raw
from tests.integration.support_parts import LIMIT


def test_a_part_of_what_is_too_large_is_too_large(school):
    for size, status in ((LIMIT + 1, 403), (LIMIT, 206)):
        with school.connect() as client:
            client.sendall(raw(school, "Range: bytes=0-1").encode())
            with asked(school) as (origin, head):
                assert b"Range: bytes=0-1\r\n" in head
                part = f"HTTP/1.1 206 Part\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/{size}\r\n\r\nab"
                origin.sendall(part.encode())
                found, rest = answer(client)
        assert found == status
        assert rest.endswith(b"ab") == (status == 206)


def test_heads_before_the_answer_count(school):
    interim = b"HTTP/1.1 103 Early\r\nLink: " + b"x" * 30_000 + b"\r\n\r\n"
    with school.connect() as client:
        client.sendall(raw(school).encode())
        with asked(school) as (origin, _head), contextlib.suppress(OSError):
            for _ in range(2 * LIMIT // len(interim)):
                origin.sendall(interim)
            origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        _, rest = answer(client)
    assert len(rest) < LIMIT * 1.1
    assert b"HTTP/1.1 200 " not in rest
