"""Fields of a head that send answers and receipts to somebody, or prove something, and so are not a sender's to write.

May live here: their names, in lower case. May not: whose an address is (``addresses``), what is written instead
(``rewrite``). This is about what people and devices hand in (K09, K35); mail from outside keeps the marks of its way
(``outside.inbound``).
"""

from __future__ import annotations

RECEIPTS = frozenset(
    {
        "disposition-notification-to",  # RFC 8098
        "errors-to",
        "notice-requested-upon-delivery-to",
        "read-receipt-to",
        "receipt-to",
        "registered-mail-reply-requested-by",
        "return-receipt-to",
        "warnings-to",
        "x-chameleon-return-to",
        "x-confirm-reading-to",
    }
)
"""Each names who is told that a message was read or could not be delivered."""

_BLIND = frozenset({"bcc", "resent-bcc"})
_ANSWERS = frozenset(  # some program answers there, or shows it as the writer
    {
        "apparently-from",
        "author",  # RFC 9057
        "envelope-from",
        "followup-to",
        "mail-followup-to",
        "mail-reply-to",
        "mailing-list",
        "newsgroups",
        "on-behalf-of",
        "original-from",
        "original-sender",
        "prefer-reply-to",
        "x-beenthere",
        "x-envelope-from",
        "x-google-original-from",
        "x-mailing-list",
        "x-ml-name",
        "x-original-from",
        "x-original-sender",
        "x-reply-to",
        "x-sender",
        "x-x-sender",
    }
)
_EVIDENCE = frozenset(  # where a message came from, who saw to it, and that it is ours
    {
        "authentication-results",
        "delivered-to",
        "dkim-signature",
        "domainkey-signature",
        "envelope-to",
        "original-recipient",
        "received",
        "received-spf",
        "return-path",
        "vbr-info",
        "x-authenticated-sender",
        "x-authenticated-user",
        "x-authentication-results",
        "x-authentication-warning",
        "x-delivered-to",
        "x-envelope-to",
        "x-google-dkim-signature",
        "x-original-to",
        "x-received",
        "x-school-seal",
    }
)
_FAMILIES = (
    "arc-",  # RFC 8617
    "bimi-",
    "list-",  # RFC 2369, 2919, 8058; nobody here is a list
    "x-list-",
    "x-ms-exchange-organization-",
    "x-originating-",
    "x-spam-",
    "x-virus-",
)
_DROPPED = _BLIND | _ANSWERS | _EVIDENCE


def is_claim(name: str) -> bool:
    """Say whether the field ``name`` (in lower case) is left out; also a blind copy, which others must not see."""
    return name in _DROPPED or name.startswith(_FAMILIES)
