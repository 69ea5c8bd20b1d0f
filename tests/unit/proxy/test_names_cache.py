"""How long answers count."""

from appliance.proxy.names_cache import LEAST, MOST, STALE, Cache


def test_an_answer_counts_for_its_time_and_stands_in_for_a_while_after_it() -> None:
    cache: Cache[str] = Cache()
    cache.put("a", "x", 100.0, 60)
    assert cache.fresh("a", 159.9) == "x"
    assert cache.fresh("a", 160.0) is None
    assert cache.stale("a", 160.0 + STALE - 1) == "x"
    assert cache.stale("a", 160.0 + STALE) is None
    assert cache.fresh("b", 100.0) is cache.stale("b", 100.0) is None


def test_no_time_is_too_short_or_too_long() -> None:
    cache: Cache[str] = Cache()
    cache.put("a", "x", 0.0, 0)
    cache.put("b", "x", 0.0, 86400)
    assert cache.fresh("a", LEAST - 0.1) and not cache.fresh("a", LEAST)
    assert cache.fresh("b", MOST - 0.1) and not cache.fresh("b", MOST)


def test_that_there_is_none_does_not_stand_in() -> None:
    cache: Cache[str] = Cache()
    cache.put("a", "none", 0.0, 60, stale=False)
    assert cache.fresh("a", 59.0) == "none"
    assert cache.stale("a", 60.0) is None


def test_an_old_answer_counts_again_for_a_moment_but_not_for_ever() -> None:
    cache: Cache[str] = Cache()
    cache.put("a", "x", 0.0, 60)
    cache.prolong("a", 100.0)
    assert cache.fresh("a", 100.0 + LEAST - 0.1) == "x"
    assert cache.fresh("a", 100.0 + LEAST) is None
    cache.prolong("a", 60.0 + STALE - 1)
    assert cache.fresh("a", 60.0 + STALE) is None
    cache.prolong("b", 0.0)
    assert cache.fresh("b", 0.0) is None


def test_what_was_used_longest_ago_goes_first() -> None:
    cache: Cache[str] = Cache(most=2)
    cache.put("a", "x", 0.0, 60)
    cache.put("b", "y", 0.0, 60)
    assert cache.fresh("a", 1.0) == "x"
    cache.put("c", "z", 2.0, 60)
    assert [cache.fresh(key, 3.0) for key in "abc"] == ["x", None, "z"]
    assert len(cache) == 2
    cache.clear()
    assert len(cache) == 0 and cache.stale("a", 3.0) is None
