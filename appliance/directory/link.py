"""One connection to a directory: the only module that imports ldap3, and the only one that knows how it fails.

May live here: ldap3, and its results as our types and errors. May not: what is searched or written. A link belongs to
one thread at a time (``pool``); after :class:`DirectoryUnavailable` it must be thrown away, for a late answer may still
come. Values go over as bytes: given text, ldap3 prepares a password when it binds with it and not when it writes it.
"""

from __future__ import annotations

import contextlib
import math
import re
import select
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import ldap3
from ldap3.core.exceptions import LDAPExceptionError

from appliance.directory.dialect import Answer, Attributes, Changes
from appliance.directory.errors import AlreadyExists, DirectoryRefused, DirectoryUnavailable, NotFound
from appliance.directory.trust import Trust, explained

_PAGE: Final = 1000
_PAGED: Final = "1.2.840.113556.1.4.319"
_SCOPES: Final = {False: ldap3.BASE, True: ldap3.SUBTREE}
_OPERATIONS: Final = {"add": ldap3.MODIFY_ADD, "delete": ldap3.MODIFY_DELETE, "replace": ldap3.MODIFY_REPLACE}
_ANY: Final = "(objectClass=*)"
_RANGE: Final = ";range="
_ENTRY: Final = re.compile(r"\b(?:cn|uid|ou|dc)=[^'\n]*", re.IGNORECASE)
_TAKEN: Final = ("non-unique", "already in use", "000021C8")  # OpenLDAP's unique, Samba, Windows
_CONSTRAINT, _NO_SUCH_OBJECT, _EXISTS = 19, 32, 68
_PASSING: Final = {3: "time limit", 51: "busy", 52: "unavailable", 80: "internal error, or no room on its disk"}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was found, by its distinguished name."""

    name: str
    attributes: Attributes


class Link:
    """A connection to ``uri`` (``ldapi://``, ``ldap://``, ``ldaps://``), open at once; ``timeout`` seconds an answer.

    Over TLS whoever answers must have a certificate that ``trust`` takes, for the host that ``uri`` names. Every method
    raises :class:`DirectoryUnavailable`; all but :meth:`bind` also :class:`DirectoryRefused`. ``written`` counts the
    operations that may have changed something.
    """

    def __init__(self, uri: str, timeout: float, trust: Trust | None = None) -> None:
        self.written = 0
        seconds = math.ceil(timeout)  # ldap3 wants whole ones
        tls = _Tls(trust or Trust(), timeout)
        server = ldap3.Server(uri, get_info=ldap3.NONE, connect_timeout=seconds, tls=tls)
        self._connection = ldap3.Connection(
            server,
            client_strategy=ldap3.SYNC,
            authentication=ldap3.SIMPLE,
            user="-",
            password="-",  # noqa: S106 - ldap3 wants something; each bind brings its own
            check_names=False,
            auto_referrals=False,
            receive_timeout=seconds,
            return_empty_attributes=False,
        )
        try:
            with _failures():
                self._connection.open(read_server_info=False)
        except DirectoryUnavailable as error:
            if tls.failure is None:
                raise
            raise DirectoryUnavailable(explained(tls.failure)) from error

    def bind(self, name: str, password: str, controls: Sequence[str] = ()) -> Answer:
        """Sign in as ``name`` and return the answer, whatever it is; an empty password is a ``ValueError``."""
        if not password:
            raise ValueError("a bind without a password says nothing about who it is")
        self._connection.user, self._connection.password = name, password.encode()
        try:
            with _failures():
                wanted = [(control, False, None) for control in controls] or None
                self._connection.bind(read_server_info=False, controls=wanted)
                result = self._connection.result
        finally:
            self._connection.password = "-"  # noqa: S105 - nothing of it stays here
        told = result.get("controls") or {}
        values = {oid: control["value"] for oid, control in told.items() if isinstance(control["value"], bytes)}
        return Answer(result["result"], result["message"], values)

    def search(
        self, base: str, condition: str, attributes: Sequence[str], below: bool = True, controls: Sequence[str] = ()
    ) -> Iterator[Entry]:
        """Find entries: ``base`` alone, or with all ``below`` it; page by page. ``controls``: critical ones, by OID."""
        wanted = [(control, True, None) for control in controls] or None
        cookie: bytes | None = None
        while cookie != b"":
            page = {"paged_size": _PAGE, "paged_cookie": cookie} if below else {}
            with _failures():
                self._connection.search(
                    base, condition, _SCOPES[below], attributes=list(attributes), controls=wanted, **page
                )
                result, found = self._connection.result, self._connection.response
            _raise_for(result)
            for entry in found:
                if entry["type"] == "searchResEntry":
                    yield Entry(entry["dn"], self._whole(entry["dn"], entry["raw_attributes"]))
            paged = (result.get("controls") or {}).get(_PAGED)  # a backend that knows no pages answers with all
            cookie = paged["value"]["cookie"] if paged else b""

    def add(self, name: str, classes: Sequence[str], attributes: Mapping[str, Sequence[bytes]]) -> None:
        """Make an entry; attributes without a value are left out."""
        given = {attribute: list(values) for attribute, values in attributes.items() if values}
        self.written += 1
        with _failures():
            self._connection.add(name, list(classes), given)
        _raise_for(self._connection.result)

    def modify(self, name: str, changes: Changes) -> None:
        """Change an entry, all or nothing."""
        asked = {attribute: [(_OPERATIONS[what], list(values))] for attribute, (what, values) in changes.items()}
        self.written += 1
        with _failures():
            self._connection.modify(name, asked)
        _raise_for(self._connection.result)

    def set_password(self, name: str, password: bytes) -> None:
        """Let the server hash and store a password (RFC 3062)."""
        self.written += 1
        with _failures():
            self._connection.extend.standard.modify_password(name, new_password=password)
            result = self._connection.result
        _raise_for(result)

    def delete(self, name: str) -> None:
        """Remove an entry."""
        self.written += 1
        with _failures():
            self._connection.delete(name)
        _raise_for(self._connection.result)

    def _whole(self, name: str, attributes: Attributes) -> Attributes:
        """Fetch what is left of values that an AD gives in parts, 1,500 members at a time ([MS-ADTS] 3.1.1.3.1.3.3)."""
        parts = [key for key in attributes if _RANGE in key]
        if not parts:
            return attributes
        whole = {key: list(values) for key, values in attributes.items() if key not in parts}
        for part in parts:
            attribute, _, reached = part.partition(_RANGE)
            values = list(attributes[part])
            while not reached.endswith("*"):
                wanted = f"{attribute}{_RANGE}{int(reached.partition('-')[2]) + 1}-*"
                with _failures():
                    self._connection.search(name, _ANY, ldap3.BASE, attributes=[wanted])
                _raise_for(self._connection.result)
                more = {key: found for entry in self._connection.response for key, found in _raw(entry).items()}
                key = next((key for key in more if key.startswith(f"{attribute}{_RANGE}")), f"{_RANGE}*")
                reached = key.partition(_RANGE)[2]
                values += more.get(key, ())
            whole[attribute] = values
        return whole

    def stale(self) -> bool:
        """Whether the server has closed the connection, or says something unasked, which comes to the same."""
        handle = self._connection.socket
        if handle is None:
            return True
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Give the connection back; never raises."""
        with contextlib.suppress(LDAPExceptionError, OSError):
            self._connection.unbind()


class _Tls(ldap3.Tls):
    """TLS as Python does it: ldap3 compares names by itself, waits for ever, and keeps of a failure the text alone."""

    def __init__(self, trust: Trust, timeout: float) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._trust, self._timeout = trust, timeout
        self.failure: OSError | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        try:
            connection.socket.settimeout(self._timeout)
            connection.socket = self._trust.context().wrap_socket(
                connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
            )
        except OSError as error:
            self.failure = error
            raise


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turn what ldap3 raises into what our callers know; the text is a kind and no address."""
    try:
        yield
    except (LDAPExceptionError, OSError) as error:
        raise DirectoryUnavailable(f"no answer from the directory ({_kind(error)})") from error


def _raw(entry: Mapping[str, Any]) -> Attributes:
    return entry["raw_attributes"] if entry["type"] == "searchResEntry" else {}


def _kind(error: BaseException) -> str:
    """Name the system's error behind one of ldap3, which mixes both into one class at run time."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    known = ("TimeoutError", "ConnectionRefusedError", "FileNotFoundError", "BrokenPipeError", "ConnectionResetError")
    return next((kind for kind in known if kind in kinds), type(error).__name__)


def _raise_for(result: Mapping[str, Any]) -> None:
    """Raise what a result says, if not success; what the server adds may name persons, whom the text leaves out."""
    code, words = result["result"], result["description"]
    if code == 0:
        return
    if code in _PASSING:
        raise DirectoryUnavailable(f"the directory cannot at the moment ({_PASSING[code]})")
    if code == _NO_SUCH_OBJECT:
        raise NotFound("no such entry")
    if code == _EXISTS:
        short = "samaccountname" in result["message"].lower()
        raise AlreadyExists("its short name is taken (sAMAccountName)" if short else "there is such an entry")
    if code == _CONSTRAINT and any(sign in result["message"] for sign in _TAKEN):
        raise AlreadyExists("the name or numeric id is taken")
    said = _ENTRY.sub("(entry)", result["message"]).strip()
    raise DirectoryRefused(f"{words}: {said}" if said else words)
