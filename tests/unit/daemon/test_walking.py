"""Every folder of a tree, however deep, while somebody moves it about."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.daemon.walking import Walk


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def walked(top: Path, act: Callable[[str], None] = lambda _way: None) -> list[str]:
    """The ways of all that is found; ``act`` is called in each folder."""
    found = []
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        walk = Walk(descriptor)
        for folder, entry in walk:
            way = "/".join(walk.parts)
            if entry is None:
                assert os.path.samestat(os.fstat(folder), walk.found)
                act(way)
                found.append(f"{way}/")
            else:
                found.append("/".join((*walk.parts, entry.name)))
    finally:
        os.close(descriptor)
    return sorted(found)


def chain(top: Path, depth: int) -> None:
    """Make ``depth`` folders in each other, each with an empty one beside it, so that all have to be gone back to."""
    folder = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("a", dir_fd=folder)
        os.mkdir("b", dir_fd=folder)
        inner = os.open("a", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)


def unchain(top: Path, depth: int) -> None:
    """Take it away without ever naming a long path."""
    for _ in range(depth):
        (top / "b").rmdir()
        (top / "a").rename(top / "c")
        for inner in os.listdir(top / "c"):
            (top / "c" / inner).rename(top / inner)
        (top / "c").rmdir()


def test_all_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "c").mkdir()
    for name in ("1", "a/2", "a/b/3", "c/4"):
        (tmp_path / name).touch()
    (tmp_path / "c" / "link").symlink_to(tmp_path / "a")
    assert walked(tmp_path) == sorted(["/", "1", "a/", "a/2", "a/b/", "a/b/3", "c/", "c/4", "c/link"])


def test_depth_costs_no_more_than_breadth(tmp_path: Path) -> None:
    depth = 4_000
    (tmp_path / "deep").mkdir()
    chain(tmp_path / "deep", depth)
    (tmp_path / "broad").mkdir()
    for number in range(2 * depth):
        (tmp_path / "broad" / str(number)).mkdir()
    took = {}
    for name in ("broad", "deep"):
        top = os.open(tmp_path / name, os.O_RDONLY)
        deep, count, begun = 0, 0, time.process_time()
        walk = Walk(top)
        for _folder, _entry in walk:
            count, deep = count + 1, deep + walk.too_deep
        took[name] = time.process_time() - begun
        os.close(top)
        assert count == 2 * depth + 1
        assert deep == (0 if name == "broad" else 2 * depth - 2 * 128)
    assert took["deep"] < 10 * took["broad"]  # opened from the top each time it was a thousand times
    unchain(tmp_path / "deep", depth)


def test_what_is_moved_away_meanwhile_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    """The way up by ".." leads into another tree now."""
    for name in ("home/a/b/c", "home/a/d", "home/e", "other/f"):
        (tmp_path / name).mkdir(parents=True)

    def act(way: str) -> None:
        if way == "a/b/c":
            (tmp_path / "home" / "a" / "b").rename(tmp_path / "other" / "b")

    found = walked(tmp_path / "home", act)
    assert set(found) >= {"/", "a/", "a/d/", "e/"} and not any("f" in way for way in found)


def test_the_way_back_is_lost_as_far_as_it_was_moved(tmp_path: Path) -> None:
    for name in ("home/a/b/c", "home/e/f", "other"):
        (tmp_path / name).mkdir(parents=True)

    def act(way: str) -> None:
        if way == "a/b/c":
            (tmp_path / "home" / "a" / "b" / "c").rename(tmp_path / "other" / "c")
            (tmp_path / "home" / "a").rename(tmp_path / "other" / "a")
            (tmp_path / "home" / "a").symlink_to(tmp_path / "other")

    found = walked(tmp_path / "home", act)
    assert {"/", "a/", "a/b/", "a/b/c/", "e/", "e/f/"} == set(found) | {"a/", "a/b/", "a/b/c/"}


def test_what_goes_away_meanwhile_ends_nothing(tmp_path: Path) -> None:
    for name in ("a/b", "c", "d"):
        (tmp_path / name).mkdir(parents=True)

    def act(way: str) -> None:
        if way == "":
            return
        for name in {"c", "d"} - {way}:
            (tmp_path / name).rmdir() if (tmp_path / name).exists() else None
        if way == "a":
            (tmp_path / "a" / "b").rmdir()

    found = walked(tmp_path, act)
    assert found.count("/") == 1 and 2 <= len(found) <= 4


def test_one_that_is_given_up_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").touch()
    top = os.open(tmp_path, os.O_RDONLY)
    steps = iter(Walk(top))
    next(steps), next(steps), next(steps)
    steps.close()  # type: ignore[attr-defined]
    os.close(top)
