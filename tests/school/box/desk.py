"""A desk: a Debian PC in a class room that joins the school's domain as the handbook says.

May live here: what makes it one, in the box. May not: what joining does (``appliance/directory/domain/linux_pc.sh``),
scenarios.
"""

import re
import shlex
from pathlib import Path

from tests.school.box.host import Host
from tests.school.box.layers import ROOT

NAME = "pc-12-02"
_SCRIPT = ROOT / "appliance" / "directory" / "domain" / "linux_pc.sh"
# A program that logs on has to be in the PC's own control groups, or logind would not know its session.
_LOG_ON = """#!/bin/sh
exec systemd-run --quiet --collect --wait --pipe /usr/local/lib/log_on.py "$@"
"""


def packages() -> tuple[str, ...]:
    """What the PC installs when it joins: the box has no package source, so it is there before."""
    text = _SCRIPT.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"apt-get .* install (.*)", text)
    assert found is not None
    return tuple(shlex.split(found[1]))


def furnish(host: Host) -> None:
    """Make a host, before its first boot, a PC that the school's DHCP would have told its DNS server."""
    host.write("/etc/hosts", "127.0.0.1 localhost\n")
    host.write("/etc/resolv.conf", "nameserver 10.88.0.1\noptions timeout:1 attempts:1\n")
    host.copy_in(Path(__file__).with_name("log_on.py"), "/usr/local/lib/log_on.py", 0o755)
    host.copy_in(Path(__file__).with_name("by_ticket.py"), "/usr/local/bin/by_ticket.py", 0o755)
    host.write("/usr/local/bin/log-on", _LOG_ON, 0o755)


def join(desk: Host, server: Host, name: str = NAME) -> str:
    """Make it a PC of the school, with the commands of the handbook; give what it says."""
    server.run(f"schoolserver pcs add --folder /root {name}")
    desk.write(f"/root/{name}.sh", server.read(f"/root/{name}.sh"), 0o600)
    return desk.run(f"sh /root/{name}.sh", timeout=120)
