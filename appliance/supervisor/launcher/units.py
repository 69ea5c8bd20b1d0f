"""The units of a school: which processes there are, what each listens on, owns and waits for.

May live here: one function per unit and nothing but data. May not: how any of it is done. A new service is a new
function here, and a line in :func:`school_units`.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.supervisor.launcher.unit import Folder, Readiness, TcpListener, Unit, UnixListener

if TYPE_CHECKING:
    from appliance.settings.load import Settings

_PYTHON = "/usr/bin/python3"
_PROXY = (Path("/usr/lib/systemd/systemd-socket-proxyd"), Path("/lib/systemd/systemd-socket-proxyd"))


def school_units(settings: Settings) -> tuple[Unit, ...]:
    """Every unit that these settings ask for."""
    own = {"slapd": (_directory, _ldap_port), "domain": (_domain, _time, _guard)}.get(settings.directory.kind, ())
    return (
        _audit(settings),
        _privileged(settings),
        *(unit(settings) for unit in own),
        _auth(settings),
        _supervisor(settings),
        _mail(settings),
        _outbound(settings),
        _imap(settings),
        _autoconfig(settings),
        _proxy(settings),
        *((_firewall(settings), _resolver(settings)) if settings.network.wlan_networks else ()),
        _fileshare(settings),
        *((_smb(settings),) if settings.directory.kind == "domain" else ()),
    )


def _audit(settings: Settings) -> Unit:
    runtime, state = settings.server.runtime / "audit", settings.server.state / "audit"
    return Unit(
        name="audit",
        argv=_python("appliance.audit", settings),
        identity="audit",
        listeners=(
            UnixListener("audit", runtime / "audit.sock", "audit", "services", packets=True),
            UnixListener("query", runtime / "query.sock", "audit", "services"),
        ),
        folders=(Folder(runtime, "audit", "services", 0o750, transient=True), Folder(state, "audit", "audit", 0o700)),
        watchdog=settings.server.watchdog,
    )


def _privileged(settings: Settings) -> Unit:
    runtime, data = settings.server.runtime / "privileged", settings.server.data
    return Unit(
        name="privileged",
        argv=_python("appliance.privileged", settings),
        identity="privileged",
        listeners=(UnixListener("privileged", runtime / "privileged.sock", "privileged", "supervisor"),),
        folders=(
            Folder(runtime, "privileged", "supervisor", 0o750, transient=True),
            Folder(data, "privileged", "privileged", 0o755),
            Folder(data / "homes", "privileged", "privileged", 0o711),
            Folder(data / "groups", "privileged", "privileged", 0o755),
            Folder(settings.server.state / "backup", "privileged", "supervisor", 0o750),
        ),
        watchdog=settings.server.watchdog,
    )


def _directory(settings: Settings) -> Unit:
    """Slapd prepares its folders and the service accounts' passwords as root, and serves as its own user."""
    runtime, state = settings.server.runtime / "directory", settings.server.state / "directory"
    argv = _python("appliance.directory.slapd", settings)
    return Unit(
        name="directory",
        argv=argv,
        identity="directory",
        prepare=(*argv, "--prepare-only"),
        folders=(
            Folder(runtime, "directory", "services", 0o750, transient=True),
            Folder(state, "directory", "directory", 0o700),
        ),
        readiness=Readiness.CONNECT,
        ready_socket=runtime / "ldapi.sock",
        reload_signal=None,
    )


def _ldap_port(settings: Settings) -> Unit:
    """Carry the loopback port to slapd's socket, so that a restart of slapd refuses no connection."""
    proxy = next((path for path in _PROXY if path.exists()), _PROXY[0])
    return Unit(
        name="ldap-port",
        argv=(str(proxy), str(settings.server.runtime / "directory" / "ldapi.sock")),
        identity="directory",
        listeners=_ports(settings, "ldap"),
        after=("directory",),
        readiness=Readiness.EXEC,
        reload_signal=None,
    )


def _domain(settings: Settings) -> Unit:
    """Samba is root, takes on whoever signed in, and holds its ports itself."""
    runtime, state = settings.server.runtime / "domain", settings.server.state / "domain"
    argv = _python("appliance.directory.domain", settings)
    return Unit(
        name="domain",
        argv=argv,
        identity="privileged",
        prepare=(*argv, "--prepare-only"),
        folders=(
            Folder(runtime, "privileged", "privileged", 0o755, transient=True),
            Folder(state, "privileged", "privileged", 0o711),  # on the way to group policies, for whoever signed in
            Folder(state / "tls", "privileged", "privileged", 0o700),
        ),
        reload_signal=None,
        parent_death=signal.SIGTERM,  # it has processes of its own to end
    )


def _time(settings: Settings) -> Unit:
    """Chrony starts as root, sets the clock, and goes on as its own user, whose the folders then are."""
    return Unit(
        name="time",
        argv=_python("appliance.clock", settings),
        identity="privileged",
        folders=(
            Folder(settings.server.runtime / "time", "privileged", "privileged", 0o750),
            Folder(settings.server.state / "time", "privileged", "privileged", 0o750),
        ),
        readiness=Readiness.EXEC,
        reload_signal=None,
        parent_death=signal.SIGTERM,
    )


def _guard(settings: Settings) -> Unit:
    """It hears Samba's events as root, which Samba asks for, and has a right to the firewall."""
    return Unit(
        name="guard",
        argv=_python("appliance.guard", settings),
        identity="privileged",
        after=("domain",),
        reload_signal=None,
        watchdog=settings.server.watchdog,
    )


def _auth(settings: Settings) -> Unit:
    runtime, state = settings.server.runtime / "auth", settings.server.state / "auth"
    return Unit(
        name="auth",
        argv=_python("appliance.auth", settings),
        identity="auth",
        listeners=(UnixListener("auth", runtime / "auth.sock", "auth", "services"),),
        folders=(Folder(runtime, "auth", "services", 0o750, transient=True), Folder(state, "auth", "auth", 0o700)),
        after=_with_directory(settings, "audit"),
        watchdog=settings.server.watchdog,
    )


def _supervisor(settings: Settings) -> Unit:
    runtime, state = settings.server.runtime, settings.server.state
    return Unit(
        name="supervisor",
        argv=_python("appliance.supervisor", settings),
        identity="supervisor",
        listeners=(UnixListener("control", runtime / "control" / "control.sock", "supervisor", "admin"),),
        folders=(
            Folder(runtime / "control", "supervisor", "admin", 0o750, transient=True),
            Folder(runtime / "snapshots", "supervisor", "services", 0o750),
            Folder(runtime / "usage", "privileged", "services", 0o750, transient=True),
            Folder(runtime / "usage" / "base", "supervisor", "services", 0o750, transient=True),
            Folder(state / "supervisor", "supervisor", "supervisor", 0o700),
        ),
        after=_with_directory(settings, "privileged"),
        watchdog=settings.server.watchdog,
        umask=0o027,
    )


def _mail(settings: Settings) -> Unit:
    state = settings.server.state / "mail"
    return Unit(
        name="mail",
        argv=_python("appliance.mail", settings),
        identity="mail",
        listeners=_ports(settings, "submission", may_lack=("submissions", "smtp")),
        folders=(
            Folder(state, "mail", "mail", 0o710),  # the supervisor, in mail's group, reads the mark's public key
            Folder(state / "tls", "mail", "mail", 0o700),
            Folder(settings.server.data / "mail", "mail", "mail", 0o700),
            Folder(settings.server.runtime / "usage" / "mail", "mail", "services", 0o750, transient=True),
        ),
        after=("auth",),
        watchdog=settings.server.watchdog,
    )


def _outbound(settings: Settings) -> Unit:
    """It sends what mail has put into the spool, and puts reports into mailboxes: it is mail's user."""
    runtime = settings.server.runtime / "outbound"
    return Unit(
        name="outbound",
        argv=_python("appliance.mail.outside", settings),
        identity="mail",
        listeners=(UnixListener("outbound", runtime / "outbound.sock", "mail", "supervisor"),),
        folders=(Folder(runtime, "mail", "supervisor", 0o750, transient=True),),
        after=("mail",),
        watchdog=settings.server.watchdog,
    )


def _imap(settings: Settings) -> Unit:
    """Dovecot starts as root and gives its parts their users by itself."""
    state = settings.server.state / "imap"
    return Unit(
        name="imap",
        argv=_python("appliance.mail.imap", settings),
        identity="privileged",
        listeners=_ports(settings, "imap", may_lack=("imaps",)),
        folders=(
            Folder(settings.server.runtime / "dovecot", "privileged", "privileged", 0o755, transient=True),
            Folder(state, "privileged", "privileged", 0o711),
            Folder(state / "tls", "privileged", "privileged", 0o700),
        ),
        after=("auth",),
        parent_death=signal.SIGTERM,  # it has processes of its own to end
        umask=0o027,
    )


def _autoconfig(settings: Settings) -> Unit:
    """It answers whoever asks, on sockets handed in, and needs nobody else."""
    state = settings.server.state / "autoconfig"
    return Unit(
        name="autoconfig",
        argv=_python("appliance.autoconfig", settings),
        identity="autoconfig",
        listeners=_ports(settings, may_lack=("http", "https")),
        folders=(
            Folder(state, "autoconfig", "autoconfig", 0o700),
            Folder(state / "tls", "autoconfig", "autoconfig", 0o700),
        ),
        watchdog=settings.server.watchdog,
    )


def _fileshare(settings: Settings) -> Unit:
    """Its workers take on people's ids, so it starts as root; they keep no other right of root's."""
    state = settings.server.state / "fileshare"
    return Unit(
        name="fileshare",
        argv=_python("appliance.fileshare", settings),
        identity="privileged",
        listeners=_ports(settings, "ftp", may_lack=("ftps",)),
        folders=(
            Folder(state, "fileshare", "fileshare", 0o700),
            Folder(state / "tls", "fileshare", "fileshare", 0o700),
            Folder(settings.server.runtime / "usage" / "files", "fileshare", "services", 0o750, transient=True),
        ),
        after=("auth",),
        watchdog=settings.server.watchdog,
        umask=0o007,
    )


def _smb(settings: Settings) -> Unit:
    """It watches the domain's smbd processes, which are root's; smbd asks for the size of a drive as its user."""
    runtime, state = settings.server.runtime, settings.server.state
    return Unit(
        name="smb",
        argv=_python("appliance.fileshare.smb", settings),
        identity="privileged",
        listeners=(UnixListener("smb", runtime / "smb" / "smb.sock", "privileged", "privileged", 0o666),),
        folders=(
            Folder(runtime / "smb", "privileged", "privileged", 0o755, transient=True),
            Folder(state / "smb", "privileged", "privileged", 0o711),  # on the way to what smbd runs as its user
            Folder(runtime / "usage" / "smb", "privileged", "services", 0o750, transient=True),
        ),
        watchdog=settings.server.watchdog,
    )


def _proxy(settings: Settings) -> Unit:
    runtime, state = settings.server.runtime / "proxy", settings.server.state / "proxy"
    transparent = ("transparent-http", "transparent-tls") if settings.network.wlan_networks else ()
    return Unit(
        name="proxy",
        argv=_python("appliance.proxy", settings),
        identity="proxy",
        listeners=_ports(settings, "proxy", "proxy-tls", may_lack=transparent),
        folders=(
            Folder(runtime, "proxy", "proxy", 0o700, transient=True),
            Folder(state, "proxy", "proxy", 0o700),
            Folder(state / "tls", "proxy", "proxy", 0o700),
        ),
        after=("auth",),
        watchdog=settings.server.watchdog,
    )


def _firewall(settings: Settings) -> Unit:
    """It has root's right to the firewall and no other."""
    return Unit(
        name="firewall",
        argv=_python("appliance.firewall", settings),
        identity="privileged",
        watchdog=settings.server.watchdog,
    )


def _resolver(settings: Settings) -> Unit:
    """Dnsmasq holds its port itself; without the firewall that port would be open to everybody."""
    return Unit(
        name="resolver",
        argv=_python("appliance.resolver", settings),
        identity="resolver",
        folders=(Folder(settings.server.state / "resolver", "resolver", "resolver", 0o700),),
        after=("firewall",),
        readiness=Readiness.EXEC,
        reload_signal=None,
    )


def _ports(settings: Settings, *names: str, may_lack: tuple[str, ...] = ()) -> tuple[TcpListener, ...]:
    """Ports called ``names``, and those that the unit can do without when another program has them."""
    listen = settings.network.listen
    return tuple(
        TcpListener(name, listen[name].host, listen[name].port, f"network.yaml: listen.{name}", name not in may_lack)
        for name in (*names, *may_lack)
    )


def _python(module: str, settings: Settings) -> tuple[str, ...]:
    return (_PYTHON, "-P", "-m", module, "--settings", str(settings.folder))


def _with_directory(settings: Settings, *names: str) -> tuple[str, ...]:
    own = {"slapd": ("directory",), "domain": ("domain",)}.get(settings.directory.kind, ())
    return (*names, *own)
