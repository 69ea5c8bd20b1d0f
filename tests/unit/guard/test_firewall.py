"""The texts for nft; that it takes them is for the integration tests."""

from appliance.guard.firewall import TABLE, held, table


def test_only_our_own_table_is_touched():
    text = table(50)
    assert text.startswith(f"table inet {TABLE}\ndelete table inet {TABLE}\n")
    assert "flush ruleset" not in text
    assert text.count("{") == text.count("}")


def test_an_address_has_so_many_connections_to_the_drives():
    assert "tcp dport 445 ct state new add @drives4 { ip saddr ct count over 50 } counter reject" in table(50)
    assert "tcp dport 445 ct state new add @drives6 { ip6 saddr ct count over 7 } counter reject" in table(7)


def test_an_address_is_taken_out_before_it_is_put_in_with_its_time():
    assert held("10.9.0.2", 1.2) == (
        f"delete element inet {TABLE} held4 {{ 10.9.0.2 }}\n",
        f"add element inet {TABLE} held4 {{ 10.9.0.2 timeout 2s }}\n",
    )
    assert held("2001:db8::2", 300.0)[1] == f"add element inet {TABLE} held6 {{ 2001:db8::2 timeout 300s }}\n"
