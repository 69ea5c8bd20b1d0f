"""Runs a launcher over echo units as a process of its own: ``start.py SETTINGS``; each change is a line on stdout."""

import json
import logging
import sys
from pathlib import Path

from appliance.settings.load import load
from appliance.supervisor.launcher.children import ChildLauncher
from appliance.supervisor.launcher.unit import Folder, LauncherError, Readiness, TcpListener, Unit, UnixListener

HERE = Path(__file__).parent


def units(settings):
    argv = ("/usr/bin/python3", str(HERE / "echo.py"), "--settings", str(settings.folder))
    runtime = settings.server.runtime
    submission = settings.network.listen["submission"]
    watchdog = settings.server.watchdog
    return (
        Unit(
            name="mail",
            argv=argv,
            identity="mail",
            listeners=(TcpListener("submission", submission.host, submission.port, "network.yaml: listen.submission"),),
            after=("auth",),
            watchdog=watchdog,
        ),
        Unit(
            name="auth",
            argv=argv,
            identity="auth",
            listeners=(UnixListener("auth", runtime / "auth" / "auth.sock", "auth", "services"),),
            folders=(Folder(runtime / "auth", "auth", "services", 0o750, transient=True),),
            watchdog=watchdog,
        ),
        Unit(
            name="directory",
            argv=("/usr/bin/python3", str(HERE / "engine.py"), str(runtime / "directory" / "engine.sock")),
            prepare=("/bin/sh", "-c", f"id -u > {settings.server.state}/prepared"),
            identity="directory",
            folders=(Folder(runtime / "directory", "directory", "services", 0o750, transient=True),),
            readiness=Readiness.CONNECT,
            ready_socket=runtime / "directory" / "engine.sock",
            reload_signal=None,
            stop_timeout=1.0,
        ),
    )


def say(states):
    print(json.dumps({one.name: [one.state, one.pid, one.restarts, one.status] for one in states}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load(Path(sys.argv[1]))
    launcher = ChildLauncher(settings, units(settings), say)
    try:
        launcher.start()
    except LauncherError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    launcher.run()
