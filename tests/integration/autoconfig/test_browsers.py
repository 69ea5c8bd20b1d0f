"""What a real browser makes of the script: Chromium fetches it as it does by WPAD, and goes where it says."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.daemon.authority import issue
from appliance.settings.names import certified_names, name_for
from tests.integration.autoconfig.school import School, a_school
from tests.integration.autoconfig.test_clients import curl
from tests.integration.support_place import DOMAIN

PAGE = (
    "<p>from the proxy</p>"
    f'<img src="https://secure.test/x"><img src="http://inside.{DOMAIN}/direct"><img src="http://intranet.{DOMAIN}/x">'
)


class Recorder:
    """Listens, over TLS with a ``context``; keeps the first line of each request and the names that TLS asked for."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.lines: list[str] = []
        self.names: set[str] = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._context = context
        if context is not None:
            context.sni_callback = lambda _link, name, _context: self.names.add(name)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(link)
            link.settimeout(20)
            if self._context is not None:
                link = stack.enter_context(self._context.wrap_socket(link, server_side=True))
            data = b""
            while b"\r\n\r\n" not in data:
                piece = link.recv(65536)
                if not piece:
                    return
                data += piece
            self.lines.append(data.partition(b"\r\n")[0].decode())
            status, body = ("403 No", b"") if data.startswith(b"CONNECT ") else ("200 OK", PAGE.encode())
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close"
            link.sendall(head.encode() + b"\r\n\r\n" + body)

    def close(self) -> None:
        """Listen no longer."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def proxied() -> Iterator[tuple[School, Recorder]]:
    """A school whose TLS proxy is a recorder, with the certificate that the proxy has."""
    with a_school() as made, contextlib.ExitStack() as stack:
        issue(made.authority, made.folder / "proxy", certified_names(made.settings, "proxy"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.folder / "proxy" / "cert.pem", made.folder / "proxy" / "key.pem")
        recorder = Recorder(context)
        stack.callback(recorder.close)
        ports = {**made.ports, "proxy-tls": recorder.port}
        listen = "".join(f"  {name}: 127.0.0.1:{port}\n" for name, port in ports.items())
        made.write(network=f"listen:\n{listen}", proxy=f"exceptions: ['intranet.{DOMAIN}:80']\n")
        made.daemon.start()
        yield made, recorder


def browse(school: School, origin: Recorder, folder: Path, url: str) -> str:
    """Show ``url`` to Chromium, which knows names of the school and nobody else's; ``origin`` is every other host."""
    away = f"127.0.0.1:{origin.port}"
    names = (
        f"MAP wpad.{DOMAIN} 127.0.0.1:{school.ports['http']}, MAP {name_for(school.settings, 'proxy')} 127.0.0.1, "
        f"MAP * {away}, EXCLUDE 127.0.0.1"
    )
    argv = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    argv += [f"--user-data-dir={folder}", "--ignore-certificate-errors", f"--host-resolver-rules={names}"]
    argv += [f"--proxy-pac-url=http://wpad.{DOMAIN}/wpad.dat", "--dump-dom", url]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(argv, capture_output=True, check=True, timeout=60, env=environment).stdout.decode()


def test_chromium_goes_by_the_script(proxied: tuple[School, Recorder], tmp_path: Path) -> None:
    school, proxy = proxied
    origin = Recorder()
    try:
        assert "from the proxy" in browse(school, origin, tmp_path, "http://site.test/page")
    finally:
        origin.close()
    assert {"GET http://site.test/page HTTP/1.1", "CONNECT secure.test:443 HTTP/1.1"} <= set(proxy.lines)
    assert f"GET http://intranet.{DOMAIN}/x HTTP/1.1" in proxy.lines, "inside, and yet the proxy's to reach"
    assert proxy.names == {name_for(school.settings, "proxy")}, "the name that its certificate has"
    assert origin.lines == ["GET /direct HTTP/1.1"], "inside: not by the proxy, and nothing else comes here"


def test_without_the_proxy_nothing_goes_past_it(proxied: tuple[School, Recorder], tmp_path: Path) -> None:
    school, proxy = proxied
    proxy.close()
    origin = Recorder()
    try:
        assert "from the proxy" not in browse(school, origin, tmp_path, "http://site.test/page")
        assert origin.lines == []
        assert "from the proxy" in browse(school, origin, tmp_path, f"http://inside.{DOMAIN}/page")
    finally:
        origin.close()
    assert set(origin.lines) <= {"GET /page HTTP/1.1", "GET /direct HTTP/1.1", "GET /favicon.ico HTTP/1.1"}, (
        "inside only"
    )


def test_a_refused_site_is_asked_for_over_http_where_nobody_wrote_https(
    proxied: tuple[School, Recorder], tmp_path: Path
) -> None:
    school, proxy = proxied
    site = "spiele-seite.de"  # a name of the internet: for others browsers do not try TLS by themselves
    origin = Recorder()
    try:
        assert "from the proxy" in browse(school, origin, tmp_path / "1", f"http://{site}/page")
        asked = [line for line in proxy.lines if site in line]
        assert asked[:2] == [f"CONNECT {site}:443 HTTP/1.1", f"GET http://{site}/page HTTP/1.1"]
        assert "from the proxy" not in browse(school, origin, tmp_path / "2", f"https://{site}/page")
        assert [line for line in origin.lines if site in line] == [], "a refusal opens no other way"
    finally:
        origin.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("path", ["/wpad.dat", "/proxy.pac"])
def test_the_script_is_there_at_both_places_with_its_type(school: School, scheme: str, path: str) -> None:
    head = curl(school, school.url(scheme, path), "--fail", "--head").decode().lower()
    assert "content-type: application/x-ns-proxy-autoconfig\r\n" in head
    assert "cache-control: max-age=300\r\n" in head
    body = curl(school, school.url(scheme, path), "--fail")
    assert body.startswith(b"//") and b"function FindProxyForURL(url, host)" in body
    assert f"content-length: {len(body)}\r\n" in head
