"""Real programs through the proxy: curl, wget and Python's own."""

import contextlib
import http.client
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from appliance.policy.account import Lock
from tests.integration.demo.waiting import eventually
from tests.integration.proxy.school import BLOCKED, FRED, MARIA, School, sign
from tests.integration.support_parts import LIMIT, PASSWORD


def curl(school: School, url: str, *more: str, port: str = "proxy", user: str = f"{FRED}:{PASSWORD}"):
    """Status of the answer, of CONNECT, bytes that came, exit code, what was printed."""
    scheme = "https" if port == "proxy-tls" else "http"
    told = "\n%{http_code} %{http_connect} %{size_download} %{num_connects}"
    argv = ["curl", "--silent", "--max-time", "20", "--proxy", f"{scheme}://127.0.0.1:{school.ports[port]}"]
    argv += ["--noproxy", "", "--proxy-cacert", str(school.ca), "--cacert", str(school.ca), "--write-out", told]
    argv += ["--proxy-user", user] if user else []
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run([*argv, *more, url], capture_output=True, check=False, timeout=30, env=clean)
    body, _, told = done.stdout.rpartition(b"\n")
    status, connect, size, connections = map(int, told.split())
    return status, connect, size, done.returncode, body, connections


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
@pytest.mark.parametrize("secure", [False, True])
def test_curl(school, port, secure):
    url = f"https://127.0.0.1:{school.secure_site}/" if secure else f"http://127.0.0.1:{school.site}/"
    status, connect, _, code, body, _ = curl(school, url, port=port)
    assert (status, connect, code) == (200, 200 if secure else 0, 0)
    assert b"Musterseite" in body


def test_one_connection_serves_many_requests(school):
    url = f"http://127.0.0.1:{school.site}/bytes/[1-20]"
    status, _, size, code, _, connections = curl(school, url)
    assert (status, size, code) == (200, 20, 0)
    assert connections == 0  # what the last of the twenty needed


def test_requests_of_one_connection_with_the_same_fields_are_each_judged_and_answered(school):
    login = school.somebody()
    fields = f"Host: a\r\nAccept-Language: en\r\n{sign(login)}\r\n"
    with school.connect() as client:

        def asked(url, method="GET"):
            client.sendall(f"{method} {url} HTTP/1.1\r\n{fields}".encode())
            response = http.client.HTTPResponse(client, method=method)
            response.begin()
            return response.status, response.headers["Content-Language"], len(response.read()) > 100

        here, page = f"http://127.0.0.1:{school.site}/bytes/5", (403, "en", True)
        assert [asked(here) for _ in range(3)] == [(200, None, False)] * 3
        assert asked(f"http://{BLOCKED}/") == page
        assert asked(f"http://{BLOCKED}/", "HEAD") == (403, "en", False)
        school.publish(**{login.replace(".", "__"): {"locks": (Lock(None, datetime.now(UTC), None),)}})
        eventually(lambda: asked(here) == page)
        school.publish()
        eventually(lambda: asked(here) == (200, None, False))
        assert asked("ftp://a/", "HEAD") == (501, "en", False)
        assert client.recv(1) == b""


@pytest.mark.parametrize("user", ["", f"{FRED}:Falsch-Falsch1"])
@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_curl_without_the_right_password(school, user, port):
    for url in (f"http://127.0.0.1:{school.site}/", f"https://127.0.0.1:{school.secure_site}/"):
        status, connect, *_ = curl(school, url, port=port, user=user)
        assert 407 in (status, connect)


def test_the_page_of_a_refusal(school):
    for language, words in (("de", 'lang="de"'), ("en-GB", "category that is closed")):
        status, *_, body, _ = curl(school, f"http://www.{BLOCKED}/", "--header", f"Accept-Language: {language}")
        assert status == 403
        assert words in body.decode()
    assert curl(school, f"https://www.{BLOCKED}/")[1] == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "https://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/",
        "http://10.0.0.1/",
        "https://127.0.0.1:22/",
        "http://127.0.0.1:389/",
    ],
)
def test_the_inside_is_closed(school, url):
    status, connect, *_ = curl(school, url, "--globoff")
    assert 403 in (status, connect)


def test_a_site_that_is_away(school):
    assert curl(school, "http://127.0.0.1:9/")[0] == 502


@pytest.mark.parametrize("size", [0, 1, LIMIT])
@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
def test_what_is_within_the_limit_passes(school, size, port):
    status, _, came, code, *_ = curl(school, f"http://127.0.0.1:{school.site}/bytes/{size}", port=port)
    assert (status, came, code) == (200, size, 0)


def test_what_is_beyond_is_told_at_once(school):
    url = f"http://127.0.0.1:{school.site}/bytes/{LIMIT + 1}"
    status, _, came, *_ = curl(school, url)
    assert status == 403
    assert came < 2000
    assert curl(school, url, "--head")[0] == 200
    assert curl(school, url, user=f"{MARIA}:{PASSWORD}")[0] == 200


@pytest.mark.parametrize("port", ["proxy", "proxy-tls"])
@pytest.mark.parametrize("chunked", [False, True])
def test_uploads(school, tmp_path, port, chunked):
    more = ["--header", "Transfer-Encoding: chunked"] if chunked else []
    if chunked:
        more += ["--header", "Expect:"]
    for size, expected in ((LIMIT, 200), (LIMIT + 1, 413)):
        (tmp_path / "file").write_bytes(bytes(size))
        url = f"http://127.0.0.1:{school.raw_site if chunked else school.site}/"
        if not chunked:
            assert curl(school, url, "--data-binary", f"@{tmp_path / 'file'}", port=port)[0] == expected
        else:
            with ThreadPoolExecutor() as pool:
                asked = pool.submit(curl, school, url, *more, "--data-binary", f"@{tmp_path / 'file'}", port=port)
                connection, _ = school.raw.accept()
                with connection:
                    data = b""
                    with contextlib.suppress(ConnectionResetError):
                        while not data.endswith(b"\r\n0\r\n\r\n") and (piece := connection.recv(65536)):
                            data += piece
                    if expected == 200:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    assert data.endswith(b"\r\n0\r\n\r\n") == (expected == 200)
                    assert asked.result()[0] == expected


def test_wget(school, tmp_path):
    argv = ["wget", "--quiet", "--tries=1", "--timeout=15", "-O", str(tmp_path / "page")]
    argv += ["-e", "use_proxy=yes", "-e", f"http_proxy=http://127.0.0.1:{school.ports['proxy']}"]
    argv += ["--proxy-user", FRED, "--proxy-password", PASSWORD, f"http://127.0.0.1:{school.site}/bytes/12345"]
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    subprocess.run(argv, check=True, timeout=30, env=clean)
    assert (tmp_path / "page").stat().st_size == 12345


def test_python(school):
    client = http.client.HTTPSConnection("127.0.0.1", school.ports["proxy"], timeout=15, context=school.context)
    name, _, value = sign().strip().partition(": ")
    client.set_tunnel("127.0.0.1", school.secure_site, {name: value})
    for size in (10, 1000):
        client.request("GET", f"/bytes/{size}")
        assert len(client.getresponse().read()) == size
    client.close()
