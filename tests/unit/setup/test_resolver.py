"""Whom the machine asks for names, before and after there is a domain."""

from appliance.setup import resolver

BEFORE = "# by hand\nsearch schule.example\nnameserver 10.1.0.1\noptions timeout:1\n"


def test_the_domain_comes_first_and_who_was_asked_before_stays(tmp_path):
    text, hint = resolver.decide(tmp_path / "resolv.conf", BEFORE, own=True)
    assert text is not None
    assert text.endswith(BEFORE)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("nameserver")] == ["127.0.0.1", "10.1.0.1"]
    assert hint is None
    assert resolver.decide(tmp_path / "resolv.conf", text, own=True) == (None, None)


def test_without_a_domain_all_is_as_before(tmp_path):
    path = tmp_path / "resolv.conf"
    assert resolver.decide(path, resolver.with_domain(BEFORE), own=False) == (BEFORE, None)
    assert resolver.decide(path, BEFORE, own=False) == (None, None)
    by_hand = "nameserver 127.0.0.1\nnameserver 10.1.0.1\n"
    assert resolver.decide(path, by_hand, own=False) == (None, None), "what somebody wrote himself stays"
    assert resolver.decide(path, by_hand, own=True) == (None, None)


def test_a_file_that_another_program_keeps_is_left_and_told(tmp_path):
    path = tmp_path / "resolv.conf"
    path.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    text, hint = resolver.decide(path, "nameserver 127.0.0.53\n", own=True)
    assert text is None
    assert hint is not None
    assert "stub-resolv.conf" in hint


def test_three_servers_are_one_too_many(tmp_path):
    three = "".join(f"nameserver 10.1.0.{number}\n" for number in (1, 2, 3))
    text, hint = resolver.decide(tmp_path / "resolv.conf", three, own=True)
    assert text is not None
    assert "only 2 of them" in (hint or "")


def test_no_file_at_all_is_made(tmp_path):
    text, _ = resolver.decide(tmp_path / "resolv.conf", resolver.read(tmp_path / "resolv.conf"), own=True)
    assert text == f"{resolver.NOTE}\nnameserver 127.0.0.1\n"
