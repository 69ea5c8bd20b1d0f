"""systemd's sockets where network.yaml has them listen elsewhere than the packages do. Pure: text only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from appliance.daemon.options_network import Address
from appliance.daemon.options_reading import Reading, Source
from appliance.daemon.options_table import plain_node, table
from appliance.settings.network import NetworkSettings
from appliance.supervisor.launcher.unit import TcpListener, Unit

DROP_IN = "listen.conf"


def tcp_sockets(units: Iterable[Unit]) -> Iterator[tuple[str, TcpListener]]:
    """Give each port that ``units`` listen on with its socket unit: the first is called as the unit."""
    for unit in units:
        ports = [listener for listener in unit.listeners if isinstance(listener, TcpListener)]
        for number, listener in enumerate(ports):
            yield f"schoolserver-{listener.name if number else unit.name}.socket", listener


def drop_ins(units: Iterable[Unit]) -> dict[str, str]:
    """Give socket unit -> text of its drop-in, for those that do not listen where the packages have them listen."""
    shipped = table(NetworkSettings).read(plain_node("{}"), Source("network.yaml", None, ""), Reading())
    assert isinstance(shipped, NetworkSettings)  # noqa: S101 - a test reads every default back
    return {
        socket: _text(listener)
        for socket, listener in tcp_sockets(units)
        if shipped.listen[listener.name] != Address(listener.host, listener.port)
    }


def _text(listener: TcpListener) -> str:
    address = ip_address(listener.host)
    early = "" if address.is_loopback or address.is_unspecified else _EARLY
    return (
        f"# Written by schoolserver setup. Change {listener.setting} instead and run it again.\n"
        f"[Socket]\nListenStream=\nListenStream={Address(listener.host, listener.port)}\n{early}"
    )


_EARLY = "# The address may come up later than this socket.\nFreeBind=yes\n"
