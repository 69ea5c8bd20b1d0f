"""Answers of the DNS, made by Debian's dnspython."""

from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.dns_message import Answer, Flaw, Kind, answer, question

NAME = "www.example.org"


def made(
    *rows: str, kind: str = "A", rcode: int = 0, soa: str = "", flags: int = 0, name: str = NAME, number: int = 7
) -> bytes:
    message = dns.message.make_response(dns.message.make_query(name, kind), recursion_available=True)
    message.id = number
    message.flags |= flags
    message.set_rcode(dns.rcode.Rcode(rcode))
    for row in rows:
        owner, ttl, type_, *data = row.split(maxsplit=3)
        message.answer.append(dns.rrset.from_text(f"{owner}.", int(ttl), "IN", type_, *data))
    if soa:
        ttl, minimum = soa.split()
        data = f"ns.example.org. a.example.org. 1 2 3 4 {minimum}"
        message.authority.append(dns.rrset.from_text("example.org.", int(ttl), "IN", "SOA", data))
    return bytes(message.to_wire())


def test_a_question_is_one_that_others_read() -> None:
    asked = dns.message.from_wire(question(7, NAME, Kind.HTTPS))
    assert asked.id == 7 and asked.flags == dns.flags.RD
    assert asked.question[0].to_text() == f"{NAME}. IN HTTPS"


@pytest.mark.parametrize(
    ("data", "values", "seconds"),
    [
        (made(f"{NAME} 300 A 192.0.2.1"), "192.0.2.1", 300),
        (made("WWW.Example.ORG 300 A 192.0.2.1", name="WWW.example.org"), "192.0.2.1", 300),
        (made(f"{NAME} 300 A 192.0.2.1", f"{NAME} 20 A 192.0.2.2"), "192.0.2.1 192.0.2.2", 20),
        (made(f"{NAME} 60 CNAME a.example.", "a.example 300 A 192.0.2.1"), "192.0.2.1", 60),
        (made("a.example 300 A 192.0.2.1", f"{NAME} 600 CNAME a.example."), "192.0.2.1", 300),
        (made("other.example 300 A 192.0.2.1", soa="90 45"), "", 45),
        (made("example.org 300 A 192.0.2.1", soa="30 45"), "", 30),
        (made(f"{NAME} 20 CNAME a.example.", "b.example 300 A 192.0.2.1", soa="90 45"), "", 20),
        (made(f"{NAME} 20 CNAME {NAME}."), "", 0),
        (made(f"{NAME} 300 AAAA 2001:db8::1"), "", 0),
        (made(rcode=3, soa="900 300"), "", 300),
        (made(f"{NAME} 20 CNAME a.example.", rcode=3, soa="900 300"), "", 20),
        (made(f"{NAME} 2147483647 A 192.0.2.1"), "192.0.2.1", 2147483647),
        (made(f"{NAME} 300 A 192.0.2.1").replace(b"\0\0\1\x2c", b"\x80\0\1\x2c"), "192.0.2.1", 0),
    ],
)
def test_what_an_answer_says(data: bytes, values: str, seconds: int) -> None:
    assert answer(data, 7, NAME, Kind.A) == Answer(tuple(ip_address(one) for one in values.split()), seconds)


def test_the_other_kinds() -> None:
    six = made(f"{NAME} 9 AAAA 2001:db8::1", kind="AAAA")
    assert answer(six, 7, NAME, Kind.AAAA) == Answer((ip_address("2001:db8::1"),), 9)
    https = made(f"{NAME} 9 HTTPS 1 . alpn=h2", kind="HTTPS")
    assert answer(https, 7, NAME, Kind.HTTPS) == Answer((b"\0\1\0\0\1\0\3\2h2",), 9)


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (made(rcode=2), Flaw.FAILED),
        (made(rcode=5), Flaw.FAILED),
        (made(rcode=1)[:4] + b"\0\0" + made(rcode=1)[6:12], Flaw.FAILED),
        (made(f"{NAME} 300 A 192.0.2.1", flags=dns.flags.TC), Flaw.CUT),
        (made(f"{NAME} 300 A 192.0.2.1", number=8), None),
        (made(f"{NAME} 300 A 192.0.2.1", name="www.example.net"), None),
        (made(f"{NAME} 300 A 192.0.2.1", kind="AAAA"), None),
        (question(7, NAME, Kind.A), None),
        (made()[:4] + b"\0\0" + made()[6:12], None),
        (made()[:11], None),
        (b"", None),
    ],
)
def test_what_is_no_answer_or_no_use(data: bytes, flaw: Flaw | None) -> None:
    assert answer(data, 7, NAME, Kind.A) is flaw


def test_a_chain_of_names_is_followed_for_a_while_and_of_many_addresses_some_are_kept() -> None:
    chain = [f"{'a' * at if at else NAME} 9 CNAME {'a' * (at + 1)}." for at in range(20)]
    assert answer(made(*chain, f"{'a' * 20} 9 A 192.0.2.1"), 7, NAME, Kind.A) == Answer((), 0)
    assert answer(made(*chain[:15], f"{'a' * 15} 9 A 192.0.2.1"), 7, NAME, Kind.A) == Answer(
        (ip_address("192.0.2.1"),), 9
    )
    many = answer(made(*(f"{NAME} 9 A 192.0.2.{last}" for last in range(200))), 7, NAME, Kind.A)
    assert isinstance(many, Answer) and len(many.values) == 16


WHOLE = made(f"{NAME} 60 CNAME a.example.", "a.example 300 A 192.0.2.1", "a.example 300 A 192.0.2.2", soa="90 45")


@given(st.binary(max_size=100), st.integers(2, len(WHOLE)), st.integers(0, 20))
def test_any_bytes_are_an_answer_or_none(noise: bytes, at: int, gone: int) -> None:
    for data in (noise, b"\0\7\x81\x80" + noise, WHOLE[:at], WHOLE[:at] + noise[:20] + WHOLE[at + gone :]):
        for kind in Kind:
            assert isinstance(answer(data, 7, NAME, kind), Answer | Flaw | None)
