"""The probe of how programs set themselves up: fetches what they are told over HTTP and HTTPS, as they do.

That is the file of mail programs and, where there is a proxy, the script of browsers.
Blocking. Never logs or raises an address.
"""

from __future__ import annotations

import http.client
import os
from importlib.util import find_spec

from appliance.settings.names import name_for
from appliance.supervisor.probe import ProbeFailed, Visitor
from appliance.supervisor.reach import reach, trusting

_UNIT = "autoconfig"
_FILE, _SCRIPT = "/mail/config-v1.1.xml", "/wpad.dat"
_LARGEST = 64 * 1024


def probe_autoconfig(visitor: Visitor) -> None:
    """Fetch the file both ways, and look whether file and script name this server; raises :class:`ProbeFailed`."""
    found = _in_clear(visitor, _FILE)
    over_tls = http.client.HTTPSConnection(
        *reach(visitor.settings, "https"), timeout=visitor.timeout, context=trusting(visitor.ca)
    )
    if _fetched(over_tls, _FILE, "HTTPS") != found:
        raise ProbeFailed(_UNIT, "HTTPS: the file is another one than over HTTP")
    if f"<hostname>{name_for(visitor.settings, 'mail')}</hostname>".encode() not in found:
        raise ProbeFailed(_UNIT, "HTTP: the file does not name this server; does it wait for: schoolserver reload?")
    if find_spec("appliance.proxy") is not None:
        named = f" {name_for(visitor.settings, 'proxy')}:".encode()
        if named not in _in_clear(visitor, _SCRIPT):
            raise ProbeFailed(_UNIT, "HTTP: browsers' script does not name this server: schoolserver reload?")


def _in_clear(visitor: Visitor, path: str) -> bytes:
    connection = http.client.HTTPConnection(*reach(visitor.settings, "http"), timeout=visitor.timeout)
    return _fetched(connection, path, "HTTP")


def _fetched(connection: http.client.HTTPConnection, path: str, protocol: str) -> bytes:
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        found = answer.read(_LARGEST)
    except TimeoutError as problem:
        raise ProbeFailed(_UNIT, f"{protocol}: no answer in time") from problem
    except OSError as problem:
        cause = os.strerror(problem.errno) if problem.errno else type(problem).__name__
        raise ProbeFailed(_UNIT, f"{protocol}: {cause}") from problem
    except http.client.HTTPException as problem:
        raise ProbeFailed(_UNIT, f"{protocol}: answered something else") from problem
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise ProbeFailed(None, f"{protocol}: answered {answer.status}")
    return found
