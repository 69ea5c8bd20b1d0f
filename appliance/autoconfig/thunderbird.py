"""What Thunderbird and programs like it read: ``config-v1.1.xml`` (draft-ietf-mailmaint-autoconfig). Pure.

The address that they send with the question is not looked at: the program itself puts its login into the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

if TYPE_CHECKING:
    from appliance.autoconfig.facts import Facts
    from appliance.settings.mail_offers import Offer


def client_config(facts: Facts) -> bytes:
    """Return the file; of several ways to mail programs take the first that they know."""
    root = Xml.Element("clientConfig", version="1.1")
    provider = Xml.SubElement(root, "emailProvider", id=facts.domain)
    for name, text in (("domain", facts.domain), ("displayName", facts.school), ("displayShortName", facts.school)):
        Xml.SubElement(provider, name).text = text
    for offer in facts.imap:
        _server(provider, "incomingServer", offer)
    for offer in facts.smtp:
        _server(provider, "outgoingServer", offer)
    page = Xml.SubElement(provider, "documentation", url=f"{facts.home}/")
    for language, text in (("de", f"E-Mail: {facts.school}"), ("en", f"Mail: {facts.school}")):
        Xml.SubElement(page, "descr", lang=language).text = text
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _server(provider: Xml.Element, kind: str, offer: Offer) -> None:
    server = Xml.SubElement(provider, kind, type=offer.protocol)
    for name, text in (
        ("hostname", offer.host),
        ("port", str(offer.port)),
        ("socketType", "SSL" if offer.at_once else "STARTTLS"),
        ("username", "%EMAILLOCALPART%"),
        ("authentication", "password-cleartext"),  # over TLS, which comes first
    ):
        Xml.SubElement(server, name).text = text
