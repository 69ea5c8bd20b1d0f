"""Which host a target means; what programs could read in two ways has none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.targets import host_of

from .strategies import checked


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("https://example.org/", "example.org"),
        ("HTTP://WWW.Example.ORG:8080/a?b#c", "www.example.org"),
        ("www.example.org:443", "www.example.org"),
        ("example.org.", "example.org"),
        ("https://example.org.:443/", "example.org"),
        ("https://user:word@example.org/", "example.org"),
        ("https://example.org?x=@evil.example", "example.org"),
        ("https://example.org#@evil.example", "example.org"),
        ("https://[2001:DB8::1]:443/", "2001:db8::1"),
        ("http://192.0.2.7/", "192.0.2.7"),
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
        ("https://a_b.example/", "a_b.example"),
        ("https://Fußball。STRAẞE.example.:443/", "xn--fuball-cta.xn--strae-oqa.example"),
    ],
)
def test_host(target, host):
    assert host_of(target) == host


@pytest.mark.parametrize(
    "target",
    [
        "",
        "https://",
        "https:///path",
        "https://example.org\\@evil.example/",
        "https://exa mple.org/",
        "https://example.org\n",
        "https://example..org/",
        "https://.example.org/",
        "https://example.org:port/",
        "https://example.org:443:80/",
        "https://[::1/",
        "https://example.org%00.evil.example/",
        "https://evil.example℀.example.org/",
        "https://" + "ü" * 64 + ".example/",
        "https://ß℀.example/",
        "https://" + ".".join(["a" * 60] * 5),
        "mailto:fred@",
    ],
)
def test_no_host_that_everybody_would_read_the_same(target):
    assert host_of(target) is None


@checked
@given(st.text(max_size=30))
def test_a_host_means_itself(target):
    host = host_of(target)
    assert host is None or ":" in host or host_of(host) == host
