"""The page that tells why a site is not there: readable without the site, without scripts and on a narrow screen.

May live here: how it looks, its headers. May not: causes and their texts (``replies``), when it is given. It names the
reason, whom to ask and the code that ``schoolserver why`` resolves; no person, no site and no list entry. Browsers show
it over HTTP. What answers a CONNECT they do not show, for a page under a site's own name has to be the site's: Chromium
and Firefox have an error page of their own. Where nobody wrote ``https://`` both then ask again over HTTP.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from http import HTTPStatus
from math import ceil
from typing import Final

from appliance.daemon.texts import translator
from appliance.proxy.replies import Challenges, Refused, status_and_text
from appliance.session.replies import Translate
from appliance.session.replies import mark as _

REALM: Final = "Schoolserver"
_USUAL: Final = Challenges()
_HEADINGS: Final[Mapping[int, str]] = {
    403: _("This page is closed here"),
    407: _("Sign-in is needed"),
    413: _("This page is closed here"),
    502: _("This page cannot be shown"),
    503: _("This page cannot be shown"),
    504: _("This page cannot be shown"),
}
_OTHERWISE: Final = _("This request cannot be served")
# Text on its ground has a contrast of 15:1, in the dark 14:1 (WCAG 1.4.3 wants 4.5:1); lengths grow with the font.
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:0;padding:1rem;background:#fff;color:#222;font:1.125rem/1.5 system-ui,sans-serif}"
    "main,footer{max-width:40rem;margin:1rem auto;overflow-wrap:anywhere}"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}"
    "h2{font-size:1.2rem;margin:2rem 0 .5rem}"
    "dt{font-weight:bold}dd{margin:0 0 .75rem}"
    "code{font-size:1.25rem}"
    "footer{border-top:1px solid;padding-top:.5rem;font-size:1rem}"
    "@media(prefers-color-scheme:dark){body{background:#1b1b1b;color:#eee}}"
)
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all pages say: the ``school``'s name, and whom to ask (``None``: whoever looks after the server)."""

    school: str = ""
    ask: str | None = None


_PLAIN: Final = Letterhead()


def page(
    refused: Refused,
    language: str,
    keep: bool,
    bodiless: bool = False,
    challenges: Challenges = _USUAL,
    letterhead: Letterhead = _PLAIN,
) -> bytes:
    """Write the whole response that says ``refused``; ``keep``: the connection stays open; ``bodiless``: for HEAD."""
    status, _text = status_and_text(refused.cause)
    body = _html(refused, language, letterhead).encode()
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Language: {language}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"Content-Security-Policy: {_POLICY}",
        "Vary: Accept-Language",
        "Via: 1.1 schoolserver",
    ]
    if status == 407 and challenges.token is not None:
        head.append(f"Proxy-Authenticate: Negotiate {challenges.token}".rstrip())
    if status == 407 and challenges.password:
        head.append(f'Proxy-Authenticate: Basic realm="{REALM}", charset="UTF-8"')
    if refused.retry_after > 0:
        head.append(f"Retry-After: {ceil(refused.retry_after)}")
    if not keep:
        head.append("Connection: close")
    return "\r\n".join([*head, "", ""]).encode("ascii") + (b"" if bodiless else body)


def _html(refused: Refused, language: str, letterhead: Letterhead) -> str:
    translate = translator(language)
    status, text = status_and_text(refused.cause)
    heading = _plain(translate, _HEADINGS.get(status, _OTHERWISE))
    reason = escape(translate(text).replace("{minutes}", str(max(1, ceil(refused.retry_after / 60)))))
    title = f"{heading} - {escape(letterhead.school)}" if letterhead.school else heading
    foot = _plain(translate, _("The school's proxy"))
    if letterhead.school:
        foot = f"{escape(letterhead.school)}: {foot}"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f"<body><main><h1>{heading}</h1>\n<p>{reason}</p>\n{_help(refused, translate, letterhead)}</main>\n"
        f"<footer><p>{foot}</p></footer></body></html>\n"
    )


def _help(refused: Refused, translate: Translate, letterhead: Letterhead) -> str:
    ask = letterhead.ask or translate(_("whoever looks after the server"))
    rows = [(_("Whom to ask"), escape(ask))]
    hint = ""
    if refused.code is not None:
        rows.append((_("Code"), f"<code>{escape(refused.code)}</code>"))
        hint = f"<p>{_plain(translate, _('With this code it can be looked up which rule it was.'))}</p>\n"
    shown = "".join(f"<dt>{_plain(translate, name)}</dt><dd>{value}</dd>" for name, value in rows)
    return f"<h2>{_plain(translate, _('Questions'))}</h2>\n{hint}<dl>{shown}</dl>\n"


def _plain(translate: Translate, text: str) -> str:
    return escape(translate(text))
