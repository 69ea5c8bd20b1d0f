"""The service is stopped while all kinds of things are under way, and begins again."""

import contextlib

from tests.integration.demo.waiting import eventually
from tests.integration.proxy.load import accepted
from tests.integration.proxy.outside import NAME, SILENT
from tests.integration.proxy.school import sign
from tests.integration.proxy.test_fuzz import FAULTS
from tests.integration.proxy.wire import ask, asked, ends_within, open_tunnel, raw, until


def test_a_stop_in_the_middle_of_everything_ends_it_in_order(outside):
    """Whoever waits for a name, a site, a hello, a body, or for somebody who does not read, is let go."""
    with contextlib.ExitStack() as stack:

        def client(data, port="proxy"):
            one = stack.enter_context(outside.connect(port))
            one.sendall(data if isinstance(data, bytes) else data.encode())
            return one

        site = stack.enter_context(outside.listen(443))
        idle, _origin = stack.enter_context(open_tunnel(outside))
        full, sender = stack.enter_context(open_tunnel(outside))
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.send(bytes(1 << 16))
        hello = client(f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n")
        assert b" 200 " in until(hello, b"\r\n\r\n")
        upload = client(raw(outside, "Content-Length: 1000", method="POST", body="x" * 10))
        stack.enter_context(asked(outside))
        answer = client(raw(outside))
        origin, _head = stack.enter_context(asked(outside))
        origin.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        until(answer, b"abc")
        kept = client("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 407 " in until(kept, b"</html>\n")
        under_way = [
            *(idle, hello, upload, answer, kept),
            client(f"CONNECT {SILENT}:443 HTTP/1.1\r\nHost: a\r\n{sign()}\r\n"),
            client(f"GET http://{SILENT}/ HTTP/1.1\r\nHost: a\r\n{sign()}\r\n"),
            client("GET http://a/ HT"),
            client(b"", "proxy-tls"),
            client(b"\x16\x03\x01\x02\x00\x01", "proxy-tls"),
        ]
        ports = outside.ports.values()
        eventually(lambda: sum(accepted(each, ports) for each in outside.proxy.children()) >= len(under_way) + 1)
        lines = len(outside.log.read_text())
        try:
            assert outside.proxy.stop() == 0
            assert all(ends_within(one, 5.0) for one in under_way)
            full.settimeout(5.0)
            with contextlib.suppress(OSError):
                while full.recv(1 << 20):
                    pass
            said = outside.log.read_text()[lines:]
            assert [fault for fault in FAULTS if fault in said] == [], said
            assert "did not end within" not in said
        finally:
            outside.proxy.start()
        site.close()
    assert ask(outside, "GET http://a/ HTTP/1.0\r\n\r\n")[0] == 407
