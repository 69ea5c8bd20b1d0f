"""Which question gets which answer: a table of paths. Pure.

Over HTTP in clear only what nobody could get otherwise is given: Thunderbird's file, which holds nothing secret and
for which it asks in clear where it does not trust our certificate yet, the script that tells browsers of the proxy,
which they look for in clear only (WPAD), and the local authority's certificate with the page that tells its
fingerprint. Everything else is sent on to HTTPS. No answer depends on whether an account exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from appliance.autoconfig import apple, outlook, page
from appliance.autoconfig.facts import Facts
from appliance.autoconfig.response import Response, plain
from appliance.autoconfig.thunderbird import client_config
from appliance.daemon import pac
from appliance.daemon.http_head import RequestHead
from appliance.daemon.texts import LANGUAGES, language_of, translator

Sign = Callable[[bytes], bytes]

_XML: Final = "text/xml; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_PROFILE: Final = "application/x-apple-aspen-config"
_CERTIFICATE: Final = "application/x-x509-ca-cert"
_READING: Final = ("GET", "HEAD")
_THUNDERBIRD: Final = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
_SCRIPT: Final = ("/proxy.pac", "/wpad.dat")
_IN_CLEAR: Final = (*_THUNDERBIRD, *_SCRIPT)
_KEPT: Final = "max-age=300"
_QUERY_MAX: Final = 8
_OUTLOOK: Final = "/autodiscover/autodiscover.xml"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its ``head`` and ``body``, whether it came ``encrypted``, and when (UTC)."""

    head: RequestHead
    body: bytes
    encrypted: bool
    now: datetime


class Routes:
    """The answers of a school: ``facts``, how a profile is signed, and the ``usual`` language."""

    def __init__(self, facts: Facts, sign: Sign, usual: str) -> None:
        self._facts, self._sign, self._usual = facts, sign, usual
        self._table: dict[str, tuple[tuple[str, ...], Callable[[Asked, dict[str, str]], Response]]] = {
            "/": (_READING, self._page),
            "/ca.crt": (_READING, self._authority),
            "/mail.mobileconfig": (_READING, self._profile),
            _OUTLOOK: (("GET", "HEAD", "POST"), self._outlook),
            **dict.fromkeys(_THUNDERBIRD, (_READING, self._thunderbird)),
            **dict.fromkeys(_SCRIPT, (_READING, self._script)),
        }

    def answer(self, asked: Asked) -> Response:
        """Return the answer to ``asked``."""
        try:
            target = urlsplit(asked.head.target)
            query = {name: values[0] for name, values in parse_qs(target.query, max_num_fields=_QUERY_MAX).items()}
        except ValueError:
            return plain(400)
        path = _OUTLOOK if target.path.lower() == _OUTLOOK else target.path  # Outlook writes it in several ways
        if path not in self._table:
            return plain(404)
        methods, give = self._table[path]
        if asked.head.method not in methods:
            return plain(405, Allow=", ".join(methods))
        if not asked.encrypted and not self._in_clear(path):
            return plain(302, Location=f"{self._same_name(asked.head)}{path}")
        return give(asked, query)

    def _in_clear(self, path: str) -> bool:
        return path in _IN_CLEAR or (self._facts.authority is not None and path in ("/", "/ca.crt"))

    def _same_name(self, head: RequestHead) -> str:
        """The URL of this server over TLS by the name that was asked for, if it is one of ours: no other is told."""
        called = "".join(head.values("host")).lower()
        return self._facts.names.get(called.rpartition(":")[0] or called, self._facts.home)

    def _language(self, asked: Asked, query: dict[str, str]) -> str:
        chosen = query.get("lang", "")
        return chosen if chosen in LANGUAGES else language_of(asked.head.values("accept-language"), self._usual)

    def _page(self, asked: Asked, query: dict[str, str]) -> Response:
        language = self._language(asked, query)
        body = page.page(self._facts, language, encrypted=asked.encrypted)
        return Response(200, _HTML, body, {"Content-Language": language, "Vary": "Accept-Language"})

    def _authority(self, _asked: Asked, _query: dict[str, str]) -> Response:
        found = self._facts.authority
        return plain(404) if found is None else Response(200, _CERTIFICATE, found, _attached("ca.crt"))

    def _thunderbird(self, _asked: Asked, _query: dict[str, str]) -> Response:
        return Response(200, _XML, client_config(self._facts))

    def _script(self, _asked: Asked, _query: dict[str, str]) -> Response:
        found = self._facts.script
        return plain(404) if found is None else Response(200, pac.KIND, found.encode(), {"Cache-Control": _KEPT})

    def _profile(self, asked: Asked, query: dict[str, str]) -> Response:
        address, login, language = query.get("emailaddress", ""), None, self._language(asked, query)
        if address:
            login = self._facts.login_of(address)
            if login is None:
                return Response(400, _HTML, page.no_address(self._facts, language), {"Content-Language": language})
        content = apple.profile(self._facts, login, translator(language))
        return Response(200, _PROFILE, self._sign(content), _attached("mail.mobileconfig"))

    def _outlook(self, asked: Asked, _query: dict[str, str]) -> Response:
        try:
            question = outlook.question(asked.body)
        except outlook.BadQuestion:
            return Response(200, _XML, outlook.problem(600, asked.now))
        return Response(200, _XML, outlook.answer(self._facts, question, asked.now))


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
