"""Facts of a school for tests of formats."""

from appliance.autoconfig.facts import Facts
from appliance.settings.mail_offers import Offer

DOMAIN = "schule.example"
MAIL = f"mail.{DOMAIN}"
FACTS = Facts(
    school="Grundschule <am> Park & Söhne",
    domain=DOMAIN,
    imap=(Offer("imap", MAIL, 993, True), Offer("imap", MAIL, 143, False)),
    smtp=(Offer("smtp", MAIL, 465, True), Offer("smtp", MAIL, 587, False)),
    home=f"https://autoconfig.{DOMAIN}",
    names={name: f"https://{name}" for name in (MAIL, f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}", DOMAIN)},
    authority=b"DER of the authority",
    script="function FindProxyForURL(url, host) {}",
)
