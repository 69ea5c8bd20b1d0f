"""The demo's ports."""

import socket

from appliance.demo.place import free_ports


def test_a_port_that_somebody_has_is_replaced_and_none_given_twice():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        given = free_ports([taken.getsockname()[1]] * 300)
        assert taken.getsockname()[1] not in given
    assert len(set(given)) == 300
