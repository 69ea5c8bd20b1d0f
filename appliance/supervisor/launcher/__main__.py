"""The launcher as a process of its own: ``/usr/bin/python3 -m appliance.supervisor.launcher --settings DIR``.

Exit 0 after a stop, 1 when it cannot start (a port in use, say), 2 on wrong settings.
"""

from __future__ import annotations

import signal
import sys

from appliance.daemon import logs
from appliance.daemon.arguments import settings_parser
from appliance.daemon.options_reading import SettingsError
from appliance.daemon.parent import end_with_parent
from appliance.settings.load import load
from appliance.supervisor.launcher.children import ChildLauncher
from appliance.supervisor.launcher.unit import LauncherError
from appliance.supervisor.launcher.units import school_units


def main(argv: list[str] | None = None) -> int:
    """Run the units of the settings until SIGTERM or SIGINT; a second signal ends them at once."""
    parser = settings_parser(
        "Starts and watches the parts of the server where systemd does not.", "schoolserver-launcher"
    )
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started it has ended")
    arguments = parser.parse_args(argv)
    if arguments.with_parent:
        end_with_parent(signal.SIGTERM)
    logs.set_up("launcher")
    try:
        settings = load(arguments.settings.absolute())
        launcher = ChildLauncher(settings, school_units(settings))
        launcher.start()
    except SettingsError as error:
        print(f"schoolserver launcher: wrong settings\n{error}", file=sys.stderr)
        return 2
    except LauncherError as error:
        print(f"schoolserver launcher: cannot start\n{error}", file=sys.stderr)
        return 1
    launcher.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
