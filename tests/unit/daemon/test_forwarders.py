from appliance.daemon.forwarders import forwarders


def test_given_ones_are_taken_as_they_are(tmp_path):
    assert forwarders(("10.1.0.1",), (tmp_path / "missing",)) == ("10.1.0.1",)


def test_the_first_file_that_names_somebody_else(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    own.write_text("nameserver 127.0.0.1\nnameserver ::1\nnameserver 0.0.0.0\nsearch schule.example\n")
    other.write_text("# by dhcp\nnameserver 192.0.2.7\nnameserver fe80::1%eth0\nnameserver\nnameserver 2001:db8::1\n")
    assert forwarders((), (tmp_path / "missing", own, other)) == ("192.0.2.7", "2001:db8::1")


def test_a_machine_that_asks_itself_only_has_nobody_to_ask(tmp_path):
    own = tmp_path / "own"
    own.write_text("nameserver 127.0.0.53\n")
    assert forwarders((), (own,)) == ()
