"""squid, tinyproxy, e2guardian and haproxy as Debian has them, each on the server's core; and no proxy at all.

May live here: how a peer is configured, started and ended. May not: what is measured. Each is at its cheapest: nobody
signs in, nothing is logged or kept, one process. e2guardian looks each host up in one short list. haproxy is no proxy
for browsers: HTTP goes to the one site, and a port each leads into tunnels, once copied and once spliced.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.cores import SERVER, on
from bench.proxy_internet import HTTP, HTTPS
from bench.proxy_origin import answers
from bench.proxy_server import Server
from tests.integration.demo.waiting import eventually
from tests.integration.support_ports import free_port

_SQUID = """\
http_port 127.0.0.1:{port}
https_port 127.0.0.1:{tls_port} tls-cert={folder}/cert.pem tls-key={folder}/key.pem
http_access allow all
cache deny all
access_log none
cache_log /dev/null
cache_store_log none
pid_filename none
netdb_filename none
pinger_enable off
workers 1
max_filedescriptors {files}
coredump_dir {folder}
shutdown_lifetime 0 seconds
mime_table {share}/mime.conf
icon_directory {share}/icons
error_directory {folder}
unlinkd_program {lib}/squid/unlinkd
visible_hostname localhost
"""
_TINYPROXY = """\
User nobody
Group nogroup
Listen 127.0.0.1
Port {port}
Timeout 3600
LogFile "{folder}/log"
LogLevel Critical
MaxClients {threads}
Allow 127.0.0.1
DisableViaHeader Yes
"""
_E2GUARDIAN = """\
languagedir = '/usr/share/e2guardian/languages'
language = 'ukenglish'
filterip = 127.0.0.1
filterports = {port}
daemonuser = 'nobody'
daemongroup = 'nogroup'
nodaemon = on
nologger = on
loglevel = 0
logfileformat = 6
loglocation = '{folder}/log'
pidfilename = '{folder}/pid'
connecttimeout = 5
proxytimeout = 60
proxyexchange = 300
pcontimeout = 300
httpworkers = {threads}
filtergroups = 1
filtergroupslist = '/etc/e2guardian/lists/filtergroupslist'
downloadmanager = '/etc/e2guardian/downloadmanagers/default.conf'
preauthstoryboard = '{folder}/before.story'
usecustombannedimage = off
usecustombannedflash = off
weightedphrasemode = 0
maxcontentfiltersize = 2048
maxcontentramcachescansize = 2048
maxcontentfilecachescansize = 20000
filecachedir = '{folder}'
enablessl = off
"""
_E2GUARDIAN_GROUP = """\
groupname = 'all'
storyboard = '{folder}/group.story'
sitelist = 'name=banned,messageno=500,path={folder}/banned'
reportinglevel = 3
maxuploadsize = -1
disablecontentscan = on
"""
_E2GUARDIAN_STORY = """\
function(checkrequest)
if(sitein, banned) return setblock
if(true) return setgrey
function(checkresponse)
if(true) return false
function(thttps-checkrequest)
if(true) return false
function(icap-checkrequest)
if(true) return false
function(icap-checkresponse)
if(true) return false
"""
_E2GUARDIAN_BEFORE = "function(pre-authcheck)\nfunction(thttps-pre-authcheck)\nfunction(icap-pre-authcheck)\n"
_HAPROXY = """\
global
  nbthread 1
  maxconn {most}
  maxpipes 50
defaults
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen http
  mode http
  bind 127.0.0.1:{port}
  server site 127.0.0.1:{site}
listen copied
  mode tcp
  bind 127.0.0.1:{copied}
  server far 127.0.0.1:{far}
listen spliced
  mode tcp
  option splice-request
  option splice-response
  bind 127.0.0.1:{spliced}
  server far 127.0.0.1:{far}
"""
_THREADS = 2100
"""Of a peer that has one for each connection: more than the idle tunnels that it is asked to hold."""
HELD_BY_THREADS = 2000


@contextlib.contextmanager
def peers(certificate: Path, most: int) -> Iterator[dict[str, Server]]:
    """Run all that are installed, by name. ``certificate``: the folder with cert.pem and key.pem for squid.

    ``most``: so many tunnels can be held at once.
    """
    with contextlib.ExitStack() as stack:
        there = {"direct": Server("direct", None, HTTP, led=HTTPS)}
        for name, start in (
            ("squid", lambda folder: _squid(folder, certificate, most)),
            ("haproxy", lambda folder: _haproxy(folder, most)),
            ("tinyproxy", _tinyproxy),
            ("e2guardian", _e2guardian),
        ):
            if shutil.which(name, path=_PATH) is None:
                print(f"proxy: no rows with {name}, which is not installed (make deps-test)")
            else:
                for server in stack.enter_context(_running(name, start)):
                    there[server.name] = server
        yield there


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


@contextlib.contextmanager
def _running(name: str, start: Callable[[Path], tuple[list[str], tuple[Server, ...]]]) -> Iterator[tuple[Server, ...]]:
    """Run one from the moment it answers until the end; ``start`` gives its arguments, and its servers without pid."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/tmp") as place:
        Path(place).chmod(0o777)
        arguments, servers = start(Path(place))
        argv = [*on(SERVER), str(shutil.which(name, path=_PATH)), *arguments]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: answers(servers[0].port) or process.poll() is not None, 30, f"{name} answers")
            if process.poll() is not None:
                raise SystemExit(f"{name} ended with {process.returncode}")
            yield tuple(replace(server, pid=process.pid) for server in servers)
        finally:
            process.kill()  # e2guardian does not always end when it is asked to
            process.wait()


def _squid(folder: Path, certificate: Path, most: int) -> tuple[list[str], tuple[Server, ...]]:
    for name in ("cert.pem", "key.pem"):
        shutil.copyfile(certificate / name, folder / name)
        (folder / name).chmod(0o644)  # squid reads it as a user of its own
    prefix = Path(str(shutil.which("squid", path=_PATH))).resolve().parent.parent
    server = Server("squid", None, free_port(), free_port(), most=most)
    (folder / "squid.conf").write_text(
        _SQUID.format(
            port=server.port,
            tls_port=server.tls_port,
            folder=folder,
            files=2 * most + 200,
            share=prefix / "share" / "squid",
            lib=prefix / "lib",
        )
    )
    return ["-N", "-f", str(folder / "squid.conf")], (server,)


def _haproxy(folder: Path, most: int) -> tuple[list[str], tuple[Server, ...]]:
    port, copied, spliced = free_port(), free_port(), free_port()
    (folder / "haproxy.cfg").write_text(
        _HAPROXY.format(port=port, copied=copied, spliced=spliced, site=HTTP, far=HTTPS, most=most + 20)
    )
    return ["-q", "-db", "-f", str(folder / "haproxy.cfg")], (
        Server("haproxy", None, port, led=copied, most=most),
        Server("haproxy, spliced", None, port, led=spliced),
    )


def _tinyproxy(folder: Path) -> tuple[list[str], tuple[Server, ...]]:
    server = Server("tinyproxy", None, free_port(), hangs_up=True, most=HELD_BY_THREADS)
    (folder / "tinyproxy.conf").write_text(_TINYPROXY.format(port=server.port, folder=folder, threads=_THREADS))
    return ["-d", "-c", str(folder / "tinyproxy.conf")], (server,)


def _e2guardian(folder: Path) -> tuple[list[str], tuple[Server, ...]]:
    server = Server("e2guardian", None, free_port(), most=HELD_BY_THREADS)
    (folder / "filter.conf").write_text(_E2GUARDIAN.format(port=server.port, folder=folder, threads=_THREADS))
    (folder / "filterf1.conf").write_text(_E2GUARDIAN_GROUP.format(folder=folder))
    (folder / "group.story").write_text(_E2GUARDIAN_STORY)
    (folder / "before.story").write_text(_E2GUARDIAN_BEFORE)
    (folder / "banned").write_text("spiele.example\n")
    return ["-c", str(folder / "filter.conf"), "-N"], (server,)
