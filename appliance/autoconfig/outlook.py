"""What Outlook asks and reads: Autodiscover as plain XML ([MS-OXDSCLI]). Pure.

May live here: reading a stranger's XML and writing ours. A document type is refused before anything of it is read:
entities are how XML grows without end or reads files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as Xml
from xml.parsers import expat

if TYPE_CHECKING:
    from appliance.autoconfig.facts import Facts
    from appliance.settings.mail_offers import Offer

_BASE: Final = "http://schemas.microsoft.com/exchange/autodiscover/"
_REQUEST: Final = f"{_BASE}outlook/requestschema/2006"
_OUTER: Final = f"{_BASE}responseschema/2006"
_WANTED: Final = f"{_BASE}outlook/responseschema/2006a"
_LONGEST: Final = 1024  # characters in one element
_DEEPEST: Final = 8
_MESSAGES: Final = {
    500: "The e-mail address cannot be found.",
    600: "Invalid Request",
    601: "Provider is not available",
}


class BadQuestion(ValueError):
    """The body is no question of Autodiscover."""


@dataclass(frozen=True, slots=True)
class Question:
    """``address`` as typed into Outlook (or empty) and the ``schema`` of the answer that is wanted."""

    address: str
    schema: str


def question(body: bytes) -> Question:
    """Read the body of a POST; raises :class:`BadQuestion`."""
    parser, path, found = expat.ParserCreate(namespace_separator=" "), list[str](), dict[str, str]()

    def begin(name: str, _attributes: object) -> None:
        path.append(name)
        if len(path) > _DEEPEST:
            raise BadQuestion("it is too deep")

    def end(_name: str) -> None:
        path.pop()

    def text(data: str) -> None:
        if path[:-1] == [f"{_REQUEST} Autodiscover", f"{_REQUEST} Request"]:
            name = path[-1].rpartition(" ")[2]
            found[name] = found.get(name, "") + data
            if len(found[name]) > _LONGEST:
                raise BadQuestion("an element is too long")

    def refuse(*_declared: object) -> None:
        raise BadQuestion("it declares a document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # LookupError: an encoding that nobody knows
        raise BadQuestion(str(error)) from error
    if "EMailAddress" not in found and "AcceptableResponseSchema" not in found:
        raise BadQuestion("it asks for nothing")
    return Question(found.get("EMailAddress", "").strip(), found.get("AcceptableResponseSchema", "").strip())


def answer(facts: Facts, asked: Question, now: datetime) -> bytes:
    """Return what is told to ``asked``: the same for every address of the school, whether it exists or not."""
    if asked.schema != _WANTED:
        return problem(601, now)  # a phone that wants to know where Exchange is, above all
    login = facts.login_of(asked.address)
    if login is None:
        return problem(500, now)
    root = Xml.Element("Autodiscover", xmlns=_OUTER)
    response = Xml.SubElement(root, "Response", xmlns=_WANTED)
    Xml.SubElement(Xml.SubElement(response, "User"), "DisplayName").text = login
    account = Xml.SubElement(response, "Account")
    Xml.SubElement(account, "AccountType").text = "email"
    Xml.SubElement(account, "Action").text = "settings"
    for offer in (*facts.imap[:1], *facts.smtp[:1]):  # it takes one of each kind
        _protocol(account, offer, login)
    return _written(root)


def problem(code: int, now: datetime) -> bytes:
    """Return the answer that says ``code`` (500: no such address, 600: no question, 601: no such schema)."""
    root = Xml.Element("Autodiscover", xmlns=_OUTER)
    error = Xml.SubElement(Xml.SubElement(root, "Response"), "Error", Time=f"{now:%H:%M:%S.%f}", Id="1")
    Xml.SubElement(error, "ErrorCode").text = str(code)
    Xml.SubElement(error, "Message").text = _MESSAGES[code]
    Xml.SubElement(error, "DebugData")
    return _written(root)


def _protocol(account: Xml.Element, offer: Offer, login: str) -> None:
    protocol = Xml.SubElement(account, "Protocol")
    values = {
        "Type": offer.protocol.upper(),
        "Server": offer.host,
        "Port": str(offer.port),
        "DomainRequired": "off",
        "LoginName": login,
        "SPA": "off",
        "SSL": "on",
        "Encryption": "SSL" if offer.at_once else "TLS",  # it goes before SSL; TLS means STARTTLS
        "AuthRequired": "on",
    }
    if offer.protocol == "smtp":
        values |= {"UsePOPAuth": "on", "SMTPLast": "off"}
    for name, text in values.items():
        Xml.SubElement(protocol, name).text = text


def _written(root: Xml.Element) -> bytes:
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))
