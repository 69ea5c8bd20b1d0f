"""Getting a list from a real web server, and from this machine."""

import contextlib
import hashlib
import socket
import ssl
import threading

import pytest

from appliance.daemon.authority import ensure_authority, issue
from appliance.filter import fetch as fetching
from appliance.filter.fetch import Unreachable, fetch
from appliance.filter.lines import ListRefused
from appliance.filter.record import Version
from appliance.filter.sources import Item
from tests.unit.filter.support_lists import serving

LIST = b"a.example\nb.example\n"
NEVER = Version()


@pytest.fixture
def site():
    with serving() as made:
        made.files["/games.txt"] = LIST
        yield made


@pytest.fixture
def get(tmp_path):
    """Gives the version of what is at an address, and what was written."""

    def get(url, former=NEVER, largest=1_000_000, seen=None, **more):
        target = tmp_path / "got"
        target.unlink(missing_ok=True)
        item = Item(url, "domains", ("games",), **more)
        noted = [] if seen is None else seen
        version = fetch(item, former, target, largest, lambda had, of: noted.append((had, of)))
        return version, target.read_bytes() if target.exists() else None

    return get


def test_a_list_comes_with_its_version_and_is_asked_for_no_further_when_it_did_not_change(site, get):
    seen = []
    version, data = get(f"{site.url}/games.txt", seen=seen)
    assert data == LIST
    assert version.sha256 == hashlib.sha256(LIST).hexdigest()
    assert seen[-1] == (len(LIST), len(LIST))
    assert get(f"{site.url}/games.txt", version) == (None, None)
    assert site.asked[-1][1]["If-None-Match"] == version.etag
    site.files["/games.txt"] = LIST + b"c.example\n"
    newer, data = get(f"{site.url}/games.txt", version)
    assert newer not in (None, version) and data.endswith(b"c.example\n")


def test_a_server_with_dates_only(site, get):
    site.odd["/dated"] = (200, {"Last-Modified": "Sun, 01 Nov 2026 00:00:00 GMT"}, LIST)
    version, _ = get(f"{site.url}/dated")
    site.odd["/dated"] = (304, {}, b"")
    assert get(f"{site.url}/dated", version) == (None, None)
    assert site.asked[-1][1]["If-Modified-Since"] == version.modified


def test_what_is_not_there_is_not_to_be_had_now(site, get):
    with pytest.raises(Unreachable, match="the server answers 404"):
        get(f"{site.url}/nowhere")
    site.odd["/broken"] = (500, {}, b"")
    with pytest.raises(Unreachable, match="500"):
        get(f"{site.url}/broken")
    site.odd["/never"] = (304, {}, b"")  # nobody asked whether
    with pytest.raises(Unreachable, match="304"):
        get(f"{site.url}/never")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="refused"):
            get(f"http://127.0.0.1:{nobody.getsockname()[1]}/x")


@pytest.mark.parametrize("url", ["http://[", "http:///x", "http://127.0.0.1:99999/x", "https://127.0.0.1:x/"])
def test_an_address_that_is_none(get, url):
    with pytest.raises(Unreachable):
        get(url)


def test_a_list_that_is_cut_off(site, get):
    site.odd["/cut"] = (200, {"Content-Length": "5000"}, LIST)
    with pytest.raises(Unreachable, match=r"cut off after 20 of 5,000 bytes|IncompleteRead"):
        get(f"{site.url}/cut")


def test_no_more_bytes_than_may_be_announced_or_not(site, get):
    site.files["/large"] = b"a.example\n" * 1000
    with pytest.raises(ListRefused, match="announces 10,000 bytes"):
        get(f"{site.url}/large", largest=5000)

    def endless(listener):
        with listener.accept()[0] as connection:
            connection.recv(4096)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                while True:
                    connection.sendall(b"a.example\n" * 1000)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=endless, args=(listener,))
        thread.start()
        with pytest.raises(ListRefused, match="more than 5,000 bytes"):
            get(f"http://127.0.0.1:{listener.getsockname()[1]}/x", largest=5000)
        thread.join()


def test_a_server_that_gives_a_byte_now_and_then_is_not_waited_for(get, monkeypatch):
    monkeypatch.setattr(fetching, "LONGEST", 0.2)
    over = threading.Event()

    def trickling(listener):
        with listener.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            with contextlib.suppress(OSError):
                while not over.wait(0.01):
                    connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickling, args=(listener,))
        thread.start()
        with pytest.raises(Unreachable, match="there were only"):
            get(f"http://127.0.0.1:{listener.getsockname()[1]}/x")
        over.set()
        thread.join()


def test_what_comes_in_pieces_of_its_own_is_whole(get):
    def chunked(listener):
        with listener.accept()[0] as connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in (b"a.exam", b"ple\n", b"b.example\n", b""):
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.recv(1)  # it is not us who close

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=chunked, args=(listener,))
        thread.start()
        assert get(f"http://127.0.0.1:{listener.getsockname()[1]}/x")[1] == LIST
        thread.join()


def test_a_checksum(site, get):
    right, wrong = hashlib.sha256(LIST).hexdigest(), "0" * 64
    assert get(f"{site.url}/games.txt", sha256=right)[1] == LIST
    with pytest.raises(ListRefused, match="checksum is not the one"):
        get(f"{site.url}/games.txt", sha256=wrong)
    for text in (right, f"{right}\n", f"{wrong}  other.txt\n{right} *lists/games.txt\n", f"{right.upper()}  games.txt"):
        site.files["/sums"] = text.encode()
        assert get(f"{site.url}/games.txt", sha256=f"{site.url}/sums")[1] == LIST
    for text in ("", f"{right}  other.txt\n{wrong}  more.txt", f"{right}  games.txt\n{wrong}  games.txt"):
        site.files["/sums"] = text.encode()
        with pytest.raises(ListRefused, match="does not say its checksum"):
            get(f"{site.url}/games.txt", sha256=f"{site.url}/sums")
    with pytest.raises(Unreachable, match="its checksum is not to be had"):
        get(f"{site.url}/games.txt", sha256=f"{site.url}/nowhere")


def test_it_is_led_on_to_another_address_but_not_to_files_nor_in_circles(site, get):
    site.odd["/old"] = (302, {"Location": f"{site.url}/games.txt"}, b"")
    assert get(f"{site.url}/old")[1] == LIST
    site.odd["/circle"] = (302, {"Location": f"{site.url}/circle"}, b"")
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
        site.odd["/away"] = (302, {"Location": target}, b"")
        with pytest.raises(Unreachable):
            get(f"{site.url}/away")
    with pytest.raises(Unreachable):
        get(f"{site.url}/circle")


def test_https_is_checked_and_never_led_to_http(tmp_path, site, get, monkeypatch):
    authority = ensure_authority(tmp_path / "authority", "schule.example")
    issue(authority, tmp_path / "site", ["127.0.0.1"], None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "site" / "cert.pem", tmp_path / "site" / "key.pem")
    with serving(lambda one: context.wrap_socket(one, server_side=True)) as secure:
        secure.files["/x"] = LIST
        with pytest.raises(Unreachable, match="certificate verify failed"):
            get(f"{secure.url}/x")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority" / "ca.pem"))
        assert get(f"{secure.url}/x")[1] == LIST
        secure.odd["/down"] = (302, {"Location": f"{site.url}/games.txt"}, b"")
        with pytest.raises(ListRefused, match="from https to something unencrypted"):
            get(f"{secure.url}/down")


def test_a_connection_that_breaks_within_tls_is_no_error_of_the_disk(tmp_path, get, monkeypatch):
    authority = ensure_authority(tmp_path / "authority", "schule.example")
    issue(authority, tmp_path / "site", ["127.0.0.1"], None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "site" / "cert.pem", tmp_path / "site" / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority" / "ca.pem"))

    def breaking(listener):
        for _ in range(2):
            wrapped = context.wrap_socket(listener.accept()[0], server_side=True)
            wrapped.recv(4096)
            with socket.socket(fileno=wrapped.detach()) as connection:
                connection.sendall(b"no record of TLS")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=breaking, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/x"
        with pytest.raises(Unreachable, match="SSL"):
            get(url)
        (tmp_path / "own.txt").write_bytes(LIST)
        with pytest.raises(Unreachable, match="its checksum is not to be had"):
            get(str(tmp_path / "own.txt"), sha256=url)
        thread.join()


def test_a_file_and_a_folder_of_this_machine(tmp_path, get):
    (tmp_path / "own.txt").write_bytes(LIST)
    version, data = get(str(tmp_path / "own.txt"))
    assert data == LIST
    assert get(str(tmp_path / "own.txt"), version)[0] is None
    with pytest.raises(Unreachable, match="No such file"):
        get(str(tmp_path / "nowhere"))
    (tmp_path / "lists/games").mkdir(parents=True)
    (tmp_path / "lists/games/domains").write_bytes(LIST)
    version, data = get(str(tmp_path / "lists"))
    assert b"games/domains" in data
    assert get(str(tmp_path / "lists"), version)[0] is None
    with pytest.raises(ListRefused, match="more than 10 bytes"):
        get(str(tmp_path / "lists"), largest=10)
