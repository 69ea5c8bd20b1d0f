"""Another index is put in place while hosts are looked up: each answer is that of one of both, whole."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

from appliance.filter.build import build
from appliance.filter.current import Current
from appliance.filter.entry import Entry, Kind
from appliance.filter.index import Index

HOSTS = [f"site{number}.example" for number in range(2000)]
CATEGORIES = ("adult", "games")
SWAPS = 6


def entries(category):
    return (Entry(category, Kind.DOMAIN, host) for host in HOSTS)


def test_look_ups_go_on_while_another_index_is_built_and_taken(tmp_path):
    place = tmp_path / "index"
    build(entries("adult"), place)
    current = Current(place)
    built = threading.Semaphore(1)
    done = threading.Event()

    def build_on():
        for number in range(SWAPS):
            built.acquire()
            build(entries(CATEGORIES[(number + 1) % 2]), place)
        done.set()

    builder = threading.Thread(target=build_on)
    builder.start()
    taken, asked = 0, 0
    while taken < SWAPS:
        index = current.index
        answers = {index.of(host) for host in HOSTS[:200]}
        asked += 1
        assert answers == {frozenset({CATEGORIES[taken % 2]})}
        if current.look():
            taken += 1
            built.release()
    builder.join()
    assert done.is_set()
    assert asked > SWAPS


def test_an_index_in_use_outlives_its_file(tmp_path):
    place = tmp_path / "index"
    build(entries("adult"), place)
    index = Index.open(place)
    build(entries("games"), place)
    place.unlink()
    assert all(index.of(host) == {"adult"} for host in HOSTS)


def test_whoever_opens_while_others_build_sees_a_whole_one(tmp_path):
    place = tmp_path / "index"
    build(entries("adult"), place)
    stop = threading.Event()

    def build_on():
        while not stop.is_set():
            build(entries("games"), place)

    builder = threading.Thread(target=build_on)
    builder.start()
    try:
        identities = {Index.open(place).identity for _ in range(200)}
    finally:
        stop.set()
        builder.join()
    assert identities


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path):
    place = tmp_path / "index"
    killed = """
import os, sys
from pathlib import Path
from appliance.filter.build import build
from appliance.filter.entry import Entry, Kind

def entries():
    for number in range(1000):
        yield Entry("adult", Kind.DOMAIN, f"site{number}.example")
    os.kill(os.getpid(), 9)

build(entries(), Path(sys.argv[1]))
"""
    ended = subprocess.run([sys.executable, "-c", killed, place], cwd=Path(__file__).resolve().parents[3], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".index.new"]
    build(entries("games"), place)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert len(Index.open(place)) == len(HOSTS)


def test_a_build_that_fails_leaves_nothing_behind(tmp_path):
    place = tmp_path / "index"
    build(entries("adult"), place)

    def broken():
        yield from entries("games")
        raise RuntimeError("the list ends here")

    try:
        build(broken(), place)
    except RuntimeError as error:
        assert str(error) == "the list ends here"
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert Index.open(place).of(HOSTS[0]) == {"adult"}
