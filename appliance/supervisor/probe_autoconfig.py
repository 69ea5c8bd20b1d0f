"""The probe of how mail programs set themselves up: fetches their file over HTTP and HTTPS, as they do.

Blocking. Never logs or raises an address.
"""

from __future__ import annotations

import http.client
import os

from appliance.settings.names import name_for
from appliance.supervisor.probe import ProbeFailed, Visitor
from appliance.supervisor.reach import reach, trusting

_UNIT = "autoconfig"
_FILE = "/mail/config-v1.1.xml"
_LARGEST = 64 * 1024


def probe_autoconfig(visitor: Visitor) -> None:
    """Fetch the file both ways, and look whether it names this server; raises :class:`ProbeFailed`."""
    plain, encrypted = reach(visitor.settings, "http"), reach(visitor.settings, "https")
    found = _fetched(http.client.HTTPConnection(*plain, timeout=visitor.timeout), "HTTP")
    over_tls = http.client.HTTPSConnection(*encrypted, timeout=visitor.timeout, context=trusting(visitor.ca))
    if _fetched(over_tls, "HTTPS") != found:
        raise ProbeFailed(_UNIT, "HTTPS: the file is another one than over HTTP")
    if f"<hostname>{name_for(visitor.settings, 'mail')}</hostname>".encode() not in found:
        raise ProbeFailed(_UNIT, "HTTP: the file does not name this server; does it wait for: schoolserver reload?")


def _fetched(connection: http.client.HTTPConnection, protocol: str) -> bytes:
    try:
        connection.request("GET", _FILE)
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
