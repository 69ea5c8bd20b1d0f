"""Local requests over real Unix sockets: both clients against the server, and what is not a request."""

import asyncio
import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from appliance.daemon.request_client import AsyncClient, BlockingClient, RequestRefused, Unreachable
from appliance.daemon.request_server import RequestError, Verb, serve


class Served:
    """A request server in a thread of its own, on ``path``."""

    def __init__(self, path):
        self.path = path
        self.done = []
        self.peers = []
        self.waiting = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.start()

    def start(self):
        self.up = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))
        self.thread.start()
        assert self.up.wait(10)

    async def run(self):
        self.loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()
        self.gate = asyncio.Event()
        text_or_null = (str, type(None))
        verbs = {
            "echo": Verb(self.echo, {"text": str, "address": text_or_null}),
            "typed": Verb(self.echo, {"n": int, "x": float, "b": bool, "names": list[str], "d": dict, "text": str}),
            "wait": Verb(self.wait),
            "forbidden": Verb(self.echo, {"text": str}, allowed=lambda peer: peer.uid == os.getuid() + 1),
            "refuse": Verb(self.refuse),
            "crash": Verb(self.crash),
            "unwritable": Verb(self.unwritable),
        }
        server = await serve(self.listener.dup(), verbs, limit=1000)
        self.up.set()
        await self.stopping.wait()
        await server.stop()

    async def echo(self, arguments, peer):
        self.done.append(dict(arguments))
        self.peers.append(peer)
        return {"text": arguments["text"]}

    async def wait(self, arguments, peer):
        self.waiting.set()
        await self.gate.wait()
        self.done.append("waited")
        return {}

    async def refuse(self, arguments, peer):
        raise RequestError("full", "the disk is full")

    async def crash(self, arguments, peer):
        raise ZeroDivisionError("fred.mustermann")

    async def unwritable(self, arguments, peer):
        return {"secret": object()}

    def open_gate(self):
        self.loop.call_soon_threadsafe(self.gate.set)

    def ask_to_stop(self):
        self.loop.call_soon_threadsafe(self.stopping.set)

    def stop(self):
        self.ask_to_stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def served(short):
    one = Served(short / "s")
    yield one
    if one.thread.is_alive():
        one.open_gate()
        one.stop()
    one.listener.close()


class AsBlocking:
    """The asyncio client with the blocking one's face, so that one suite does for both."""

    def __init__(self, path, timeout):
        self.runner = asyncio.Runner()
        self.client = AsyncClient(path, timeout)

    def call(self, verb, **arguments):
        return self.runner.run(self.client.call(verb, **arguments))

    def close(self):
        if self.runner is not None:
            self.runner.run(self.client.close())
            self.runner.close()
            self.runner = None


@pytest.fixture(params=[BlockingClient, AsBlocking])
def client(served, request):
    one = request.param(served.path, 5.0)
    yield one
    one.close()


def test_a_request_and_its_reply(served, client):
    assert client.call("echo", text="Grüße\n\N{GRINNING FACE}", address=None) == {"text": "Grüße\n\N{GRINNING FACE}"}
    assert served.done == [{"text": "Grüße\n\N{GRINNING FACE}", "address": None}]
    assert (served.peers[0].pid, served.peers[0].uid, served.peers[0].gid) == (os.getpid(), os.getuid(), os.getgid())


def test_an_argument_that_may_be_null_may_be_left_out(served, client):
    client.call("echo", text="a")
    assert served.done == [{"text": "a", "address": None}]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n": "1"}, "argument n must be int, not str"),
        ({"n": True}, "argument n must be int, not bool"),
        ({"n": 1.5}, "argument n must be int, not float"),
        ({"x": "1"}, "argument x must be float, not str"),
        ({"b": 1}, "argument b must be bool, not int"),
        ({"names": ["a", 1]}, "argument names must be list[str], not list"),
        ({"names": "a"}, "argument names must be list[str], not str"),
        ({"d": []}, "argument d must be dict, not list"),
        ({"text": None}, "argument text must be str, not NoneType"),
        ({"more": 1}, "1 unknown argument(s); known are b, d, n, names, text, x"),
    ],
)
def test_a_wrong_argument_does_nothing(served, client, wrong, said):
    good = {"n": 1, "x": 1, "b": True, "names": ["a"], "d": {}, "text": ""}
    assert client.call("typed", **good) == {"text": ""}
    served.done.clear()
    with pytest.raises(RequestRefused) as refused:
        client.call("typed", **good | wrong)
    assert (refused.value.kind, refused.value.text) == ("bad-argument", said)
    assert served.done == []


def test_a_missing_argument(client):
    with pytest.raises(RequestRefused, match="bad-argument: argument text must be str, not nothing"):
        client.call("echo", address="x")


def test_an_unknown_verb(client):
    with pytest.raises(RequestRefused, match="unknown-verb"):
        client.call("rm", text="-rf")


def test_a_peer_that_is_not_allowed(served, client):
    with pytest.raises(RequestRefused) as refused:
        client.call("forbidden", text="x")
    assert refused.value.kind == "not-allowed"
    assert served.done == []


def test_an_error_of_the_handler_reaches_the_caller(client):
    with pytest.raises(RequestRefused) as refused:
        client.call("refuse")
    assert (refused.value.kind, refused.value.text) == ("full", "the disk is full")


@pytest.mark.parametrize("verb", ["crash", "unwritable"])
def test_a_crash_is_reported_in_general_words_and_the_connection_goes_on(client, verb):
    with pytest.raises(RequestRefused) as refused:
        client.call(verb)
    assert refused.value.kind == "internal"
    assert "mustermann" not in str(refused.value)
    assert client.call("echo", text="on") == {"text": "on"}


def test_an_oversize_request_is_refused_and_the_connection_goes_on(served, client):
    with pytest.raises(RequestRefused) as refused:
        client.call("echo", text="x" * 3_000_000)
    assert refused.value.kind == "too-long"
    assert served.done == []
    assert client.call("echo", text="on") == {"text": "on"}


def test_nobody_listens(short):
    for client in (BlockingClient(short / "none", 1.0), AsBlocking(short / "none", 1.0)):
        with pytest.raises(Unreachable, match="no answer to echo"):
            client.call("echo")
        client.close()


def test_no_answer_in_time(served):
    for client in (BlockingClient(served.path, 0.05), AsBlocking(served.path, 0.05)):
        with pytest.raises(Unreachable):
            client.call("wait")
        client.close()


def test_a_client_goes_on_after_the_server_came_back(served, client):
    client.call("echo", text="1")
    served.stop()
    served.start()
    assert client.call("echo", text="2") == {"text": "2"}


def test_stopping_lets_a_running_request_end(served, client):
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.call, "wait")
        assert served.waiting.wait(10)
        served.ask_to_stop()
        served.open_gate()
        assert answer.result(10) == {}
    served.thread.join(10)
    assert not served.thread.is_alive()


def test_requests_of_one_connection_run_at_the_same_time(served):
    async def both():
        client = AsyncClient(served.path, 5.0)
        slow = asyncio.create_task(client.call("wait"))
        assert await client.call("echo", text="quick") == {"text": "quick"}
        assert not slow.done()
        served.open_gate()
        assert await slow == {}
        many = await asyncio.gather(*(client.call("echo", text=str(number)) for number in range(300)))
        assert [one["text"] for one in many] == [str(number) for number in range(300)]
        await client.close()

    asyncio.run(both())


def test_a_blocking_client_is_shared_by_threads(served):
    client = BlockingClient(served.path, 5.0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: client.call("echo", text=str(number))["text"], range(200)))
    assert answers == [str(number) for number in range(200)]
    client.close()


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x00\xff\xfe\n",
        b"\n",
        b"[]\n",
        b'{"id":1}\n',
        b'{"id":true,"verb":"echo","arguments":{}}\n',
        b'{"id":-1,"verb":"echo","arguments":{}}\n',
        b'{"id":1,"verb":"echo","arguments":{},"more":1}\n',
        b'{"id":1,"verb":"echo","arguments":{"text":"a","text":"b"}}\n',
        b'{"id":1,"verb":"echo","arguments":{"text":NaN}}\n',
        b'{"id":1,"verb":"echo","arguments":{"text":"\\ud800"}}\n',
        pytest.param(b"[" * 999 + b"\n", id="deep"),
    ],
)
def test_garbage_is_answered_once_and_the_connection_closed(served, line):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(served.path))
        raw.sendall(line)
        answer = json.loads(raw.makefile("rb").read())
    assert answer["id"] is None
    assert answer["error"]["kind"] == "bad-request"
    assert served.done == []
    with closing(BlockingClient(served.path, 5.0)) as client:
        assert client.call("echo", text="others") == {"text": "others"}


def test_a_client_that_goes_while_its_request_runs(served, client):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(served.path))
        raw.sendall(b'{"id":1,"verb":"wait","arguments":{}}\n')
        assert served.waiting.wait(10)
    served.open_gate()
    assert client.call("echo", text="on") == {"text": "on"}
    served.stop()
    assert served.done == ["waited", {"text": "on", "address": None}]


def test_a_client_that_goes_in_the_middle_of_a_line(served, client):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(served.path))
        raw.sendall(b'{"id":1,"verb":"echo","arguments":{"text":"half')
    assert client.call("echo", text="on") == {"text": "on"}
    assert served.done == [{"text": "on", "address": None}]


def test_a_half_closed_connection_still_gets_its_reply(served):
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(served.path))
        raw.sendall(b'{"id":7,"verb":"echo","arguments":{"text":"x"}}\n')
        raw.shutdown(socket.SHUT_WR)
        assert json.loads(raw.makefile("rb").read()) == {"id": 7, "result": {"text": "x"}}


def test_the_socket_file_stays_when_the_server_stops(served):
    served.stop()
    assert served.path.is_socket()


def test_a_server_that_answers_nonsense(short):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short / "n"))
        listener.listen()

        def talk():
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"220 mail ESMTP\n")

        thread = threading.Thread(target=talk)
        thread.start()
        for client in (BlockingClient(short / "n", 5.0), AsBlocking(short / "n", 5.0)):
            with pytest.raises(Unreachable):
                client.call("echo", text="x")
            client.close()
        thread.join()
