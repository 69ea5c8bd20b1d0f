"""The time service's process: writes chrony's configuration and becomes chrony, in the foreground.

It starts as root, which the port and the clock need; chrony then goes on as its own user. Where the machine's clock is
not ours to set (a container), the time is given as it is. Exit 2 on wrong settings, 1 when it cannot start.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.clock.render import Clock, render, sources_of
from appliance.daemon.arguments import settings_parser
from appliance.daemon.engine import EngineRefused, swap
from appliance.daemon.options_reading import SettingsError
from appliance.settings.load import load

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_CHRONYD: Final = "/usr/sbin/chronyd"
_MACHINE: Final = Path("/etc/chrony/chrony.conf")
_USER: Final = "_chrony"
_SET_TIME: Final = 1 << 25  # capabilities(7): CAP_SYS_TIME


def main(argv: Sequence[str]) -> int:
    """Prepare and become chrony; return the exit code when that fails."""
    parser = settings_parser("The time for the school's PCs (chrony).", "schoolserver-time")
    _leave_profile()
    try:
        path = prepare(clock_of(load(parser.parse_args(argv).settings.absolute())))
    except SettingsError as error:
        print(f"schoolserver time: wrong settings\n{error}", file=sys.stderr)
        return 2
    except (EngineRefused, LookupError, OSError) as error:
        print(f"schoolserver time: {error}", file=sys.stderr)
        return 1
    command = chronyd_argv(path, may_set_time=_may_set_time())
    return os.execv(_CHRONYD, command)  # noqa: S606 - the argv is our own


def clock_of(settings: Settings) -> Clock:
    """Return the time service that these settings ask for."""
    server = settings.server
    try:
        machine = _MACHINE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        machine = ""
    return Clock(
        sources=sources_of(settings.domain.time_servers, machine),
        networks=settings.network.networks,
        signer=server.runtime / "domain" / "ntp_signd",
        state=server.state / "time",
        runtime=server.runtime / "time",
        user=_USER,
    )


def prepare(clock: Clock) -> Path:
    """Make the folders and write the configuration; return its path.

    Raise :class:`EngineRefused` when chrony does not take it, LookupError when its user is missing, or OSError.
    """
    try:
        user = pwd.getpwnam(clock.user)
    except KeyError:
        raise LookupError(f"there is no user {clock.user}; the package chrony makes it") from None
    for folder in (clock.state, clock.runtime):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        if folder.stat().st_uid != user.pw_uid:
            os.chown(folder, user.pw_uid, user.pw_gid)
    path = clock.state / "chrony.conf"
    swap(path, render(clock), lambda candidate: (_CHRONYD, "-p", "-f", str(candidate)), 0o644, (0, 0))
    return path


def chronyd_argv(path: Path, *, may_set_time: bool) -> tuple[str, ...]:
    """Return the command line of chrony in the foreground, which says warnings on standard error."""
    return (_CHRONYD, "-d", "-L", "1", "-F", "1", *(() if may_set_time else ("-x",)), "-f", str(path))


def _may_set_time() -> bool:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) & _SET_TIME)
    return False


def _leave_profile() -> None:
    """Ask AppArmor for none of Debian's profile of chrony, which knows Debian's folders only; our unit shuts it in.

    It holds for what this thread and those it starts execute next. Where there is no AppArmor there is nothing to do.
    """
    for path in ("/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"):
        with contextlib.suppress(OSError):
            Path(path).write_text("exec unconfined", encoding="ascii")
            return


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
