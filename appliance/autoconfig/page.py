"""The page for people: how their programs reach the school's mail and the web, in German and English. Pure.

May live here: texts and their HTML. May not: which page is given when (``routes``). A page runs no script and loads
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from appliance.daemon.texts import translator
from appliance.session.replies import Translate
from appliance.session.replies import mark as _

if TYPE_CHECKING:
    from appliance.autoconfig.facts import Facts
    from appliance.settings.mail_offers import Offer

_STYLE: Final = (
    "body{font:1.05em/1.5 sans-serif;max-width:42em;margin:2em auto;padding:0 1em}"
    "code{overflow-wrap:anywhere}td,th{text-align:left;padding:.2em 1em .2em 0}"
)
_NAMES: Final = {"de": "Deutsch", "en": "English"}
_NOT_OURS: Final = _("This is no address of the school. Please go back and type it again.")
_BROWSERS: Final = _(
    "At school browsers reach the web through the server. "
    "Where yours does not find it, enter this address as the automatic proxy configuration:"
)


def page(facts: Facts, language: str, *, encrypted: bool) -> bytes:
    """Return the page in ``language``; where the connection is not ``encrypted`` nobody is asked for anything."""
    say = translator(language)
    mail = [*_programs(facts, say), *_apple(facts, say, encrypted), *_by_hand(facts, say)]
    return _html(facts, language, "\n".join([*_trust(facts, say), *mail, *_browsers(facts, say)]))


def no_address(facts: Facts, language: str) -> bytes:
    """Return the page that says that what was typed is no address of the school."""
    return _html(facts, language, f"<p>{escape(translator(language)(_NOT_OURS))}</p>")


def _trust(facts: Facts, say: Translate) -> Iterator[str]:
    if facts.authority is None:
        return
    yield f"<h2>{escape(say(_('First: let your device trust the school')))}</h2>"
    told = say(_("Install this certificate once. It is good for addresses of {domain} only."))
    yield f"<p>{escape(told.format(domain=facts.domain))}</p>"
    yield f'<p><a href="/ca.crt">{escape(say(_("Load the certificate")))}</a></p>'
    yield f"<p>{escape(say(_('Its fingerprint (SHA-256) is to be the one that the school gave you on paper:')))}<br>"
    yield f"<code>{facts.fingerprint()}</code></p>"


def _programs(facts: Facts, say: Translate) -> Iterator[str]:
    yield "<h2>Thunderbird, Outlook</h2>"
    told = say(_("Add an account and type your name, your address (login@{domain}) and your password. That is all."))
    yield f"<p>{escape(told.format(domain=facts.domain))}</p>"


def _apple(facts: Facts, say: Translate, encrypted: bool) -> Iterator[str]:
    yield "<h2>iPhone, iPad, Mac</h2>"
    if not encrypted:
        yield f'<p><a href="{escape(facts.home)}/">{escape(say(_("Go on over a secure connection")))}</a></p>'
        return
    yield f"<p>{escape(say(_('Type your address, then install the profile in the settings of the device.')))}</p>"
    yield '<form action="/mail.mobileconfig" method="get">'
    yield f'<p><label>{escape(say(_("Address")))}: <input name="emailaddress" autocapitalize="off" required '
    yield f'maxlength="254" placeholder="login@{escape(facts.domain)}"></label> '
    yield f"<button>{escape(say(_('Load the profile')))}</button></p></form>"


def _by_hand(facts: Facts, say: Translate) -> Iterator[str]:
    yield f"<h2>{escape(say(_('Other programs')))}</h2><table>"
    ways = ((say(_("Read mail (IMAP)")), facts.imap), (say(_("Send mail (SMTP)")), facts.smtp))
    for title, offers in ways:
        for offer in offers:
            yield f"<tr><th>{escape(title)}</th><td>{_way(offer, say)}</td></tr>"
    yield f"<tr><th>{escape(say(_('User name')))}</th><td>{escape(say(_('your login')))}</td></tr></table>"


def _way(offer: Offer, say: Translate) -> str:
    port = escape(say(_("port {port}")).format(port=offer.port))
    return f"<code>{escape(offer.host)}</code>, {port}, {'SSL/TLS' if offer.at_once else 'STARTTLS'}"


def _browsers(facts: Facts, say: Translate) -> Iterator[str]:
    if facts.script is None:
        return
    yield "<h2>Firefox, Chrome, Edge</h2>"
    yield f"<p>{escape(say(_BROWSERS))}<br><code>{escape(facts.home)}/proxy.pac</code></p>"


def _html(facts: Facts, language: str, inside: str) -> bytes:
    title = escape(f"{translator(language)(_('Mail'))} – {facts.school}")
    others = " ".join(f'<a href="/?lang={one}" lang="{one}">{name}</a>' for one, name in _NAMES.items())
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><p>{others}</p>\n<h1>{title}</h1>\n{inside}\n</body></html>\n"
    ).encode()
