"""The text of dnsmasq's configuration; what it answers is tried in tests/integration/wlan."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

from appliance.daemon.options_network import Address
from appliance.resolver.__main__ import resolver_of
from appliance.resolver.render import Resolver, render
from appliance.settings.proxy import Destination
from tests.unit.supervisor.scenery import settings

GOLDEN = Path(__file__).with_name("golden")
ALONE = Resolver(
    host=None,
    port=3153,
    servers=(),
    machine=Path("/etc/resolv.conf"),
    zones={},
    names=("mail.schule.example",),
    addresses=(ip_address("10.1.64.1"), ip_address("fd12:3456::1")),
    inside=("schule.example",),
)
DOMAIN = replace(
    ALONE,
    host="10.1.64.1",
    servers=("9.9.9.9", "2620:fe::fe"),
    zones={"ad.schule.example": "127.0.0.1"},
    inside=("schule.example", "ad.schule.example", "intranet.town.example"),
    apart=(tuple(f"www.search{number}.example" for number in range(11)), ("films.example",)),
)


def test_it_is_what_the_golden_files_say():
    assert render(ALONE) == (GOLDEN / "alone.conf").read_text()
    assert render(DOMAIN) == (GOLDEN / "domain.conf").read_text()


def test_each_host_at_which_search_is_made_safe_is_apart_and_no_line_is_too_long():
    made = resolver_of(settings())
    search, films = made.apart
    assert {"www.google.com", "google.co.za", "www.bing.com"} <= set(search)
    assert "www.youtube.com" in films
    assert not set(search) & set(films)
    assert max(map(len, render(made).splitlines())) < 1000


def test_without_an_address_in_the_school_its_names_are_asked_of_others():
    assert "mail.schule.example" not in render(replace(ALONE, addresses=()))


def test_a_server_without_a_domain_knows_its_own_names():
    made = resolver_of(settings())
    assert made.names == tuple(f"{one}.schule.example" for one in ("mail", "autoconfig", "autodiscover"))
    assert (made.host, made.port, made.servers, made.zones) == (None, 3153, (), {})
    assert made.inside == ("schule.example",)


def test_the_names_of_the_domain_are_asked_of_the_domain():
    found = settings()
    domain = replace(found.domain, name="ad.schule.example", host="server", dns_forwarders=("9.9.9.9",))
    made = resolver_of(replace(found, directory=replace(found.directory, kind="domain"), domain=domain))
    assert made.zones == {"ad.schule.example": "127.0.0.1"}
    assert made.servers == ("9.9.9.9",)
    assert "mail.schule.example" in made.names
    assert not [name for name in made.names if name.endswith("ad.schule.example")]


def test_somebody_elses_directory_and_hosts_inside_may_have_private_addresses():
    found = settings()
    made = resolver_of(
        replace(
            found,
            directory=replace(found.directory, kind="active-directory", base="DC=corp,dc=school"),
            proxy=replace(
                found.proxy, exceptions=(Destination("intranet.town.example", 443), Destination("10.1.0.7", 80))
            ),
        )
    )
    assert made.inside == ("schule.example", "corp.school", "intranet.town.example")


def test_the_servers_addresses_are_those_in_the_wlan():
    found = settings()
    here = replace(
        found.network, wlan_networks=(ip_network("203.0.113.0/24"),), networks=(ip_network("203.0.113.0/24"),)
    )
    assert resolver_of(replace(found, network=here)).addresses == ()


def test_it_listens_at_one_address_where_it_is_told_to():
    found = settings()
    listen = {**found.network.listen, "dns": Address("10.1.64.1", 3353)}
    made = resolver_of(replace(found, network=replace(found.network, listen=listen)))
    assert (made.host, made.port) == ("10.1.64.1", 3353)
