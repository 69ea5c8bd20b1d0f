"""What the carer is told of the WLAN in one line."""

from appliance.firewall.service import forwarding, status


def test_without_a_network_it_has_nothing_to_do_and_says_so():
    assert status(0, forwards=True) == "network.yaml names no wlan_networks: no network is taken"


def test_a_machine_that_forwards_packets_is_told_of():
    assert status(1, forwards=False) == "1 network of the WLAN: web by name, all else closed"
    said = status(2, forwards=True)
    assert said.startswith("2 networks") and "ip_forward" in said and "while this service is stopped" in said


def test_either_switch_of_the_kernel_counts(tmp_path):
    four, six = tmp_path / "four", tmp_path / "six"
    four.write_text("0\n")
    assert not forwarding((four, six))
    six.write_text("1\n")
    assert forwarding((four, six))
