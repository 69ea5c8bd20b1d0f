"""Conversations with the mail service as they are on the wire, for ``transcript_player``.

A transcript begins with the way in (``smtp``, ``submission``, ``submissions``) and maybe who comes (``device``,
``relay``; else a PC), or ``as login``: who has signed in there, at a PC. ``C`` is said by the client (``{bad}`` and the
like stand for bytes that cannot be written here), ``S`` is how the reply begins, ``TLS`` and ``AUTH login`` do what
they say, ``END``: the server closes.
"""

from __future__ import annotations

from typing import Final

TRANSCRIPTS: Final[dict[str, str]] = {
    "a message from a mail program": """
        submission
        S 220 schule.example ESMTP
        C EHLO pc12
        S 250-schule.example
        TLS
        C EHLO pc12
        S 250-schule.example
        AUTH fred.mustermann
        S 235 2.7.0
        C MAIL FROM:<fred.mustermann@schule.example> SIZE=500 BODY=8BITMIME RET=HDRS ENVID=QQ314159
        S 250 2.1.0
        C RCPT TO:<frida.lehrer@schule.example> NOTIFY=NEVER ORCPT=rfc822;frida@schule.example
        S 250 2.1.5
        C DATA
        S 354
        C From: fred.mustermann@schule.example
        C
        C Hallo
        C .
        S 250 2.0.0
        C NOOP
        S 250 2.0.0
        C RSET
        S 250 2.0.0
        C VRFY frida.lehrer
        S 252 2.5.0
        C HELP
        S 250 2.0.0
        C QUIT
        S 221 2.0.0
        END
    """,
    "TLS at once": """
        submissions as fred.mustermann
        C STARTTLS
        S 503 5.5.1
    """,
    "a device needs neither password nor TLS": """
        smtp device
        S 220
        C HELO kopierer
        S 250 schule.example
        C MAIL FROM:<kopierer@schule.example>
        S 250 2.1.0
        C RCPT TO:<frida.lehrer@schule.example>
        S 250 2.1.5
        C RCPT TO:<a@elsewhere.example>
        S 550 5.7.1
        C RCPT TO:<nobody@schule.example>
        S 550 5.1.1
        C DATA
        S 354
        C From: kopierer@schule.example
        C
        C Scan
        C .
        S 250 2.0.0
        C MAIL FROM:<fred.mustermann@schule.example>
        S 550 5.7.1
        C MAIL FROM:<>
        S 550 5.7.1
        C MAIL FROM:<kopierer@schule.example>
        S 250 2.1.0
        C RCPT TO:<frida.lehrer@schule.example>
        S 250 2.1.5
        C DATA
        S 354
        C From: frida.lehrer@schule.example
        C
        C .
        S 550 5.7.1
    """,
    "somebody signs in from a device's address": """
        smtp device
        S 220
        C EHLO kopierer
        S 250-
        C AUTH PLAIN
        S 538 5.7.11
        TLS
        C MAIL FROM:<kopierer@schule.example>
        S 503 5.5.1
        C EHLO kopierer
        S 250-
        AUTH fred.mustermann
        S 235 2.7.0
        C MAIL FROM:<kopierer@schule.example>
        S 550 5.7.1
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250 2.1.0
    """,
    "the smarthost": """
        smtp relay
        S 220
        C EHLO mail.town.example
        S 250-
        C MAIL FROM:<>
        S 250 2.1.0
        C RCPT TO:<fred.mustermann@schule.example>
        S 550 5.1.1
        C RCPT TO:<frida.lehrer@schule.example>
        S 250 2.1.5
        C DATA
        S 354
        C {hops}
        C From: somebody@elsewhere.example
        C
        C .
        S 554 5.4.6
        C MAIL FROM:<frida.lehrer@schule.example>
        S 550 5.7.1
    """,
    "nobody known": """
        smtp
        S 220
        C EHLO pc12
        S 250-
        C MAIL FROM:<fred.mustermann@schule.example>
        S 530 5.7.0
        C RCPT TO:<fred.mustermann@schule.example>
        S 530 5.7.0
        C DATA
        S 530 5.7.0
        C VRFY fred
        S 530 5.7.0
        C AUTH LOGIN
        S 538 5.7.11
    """,
    "what comes before TLS": """
        submission
        S 220
        C MAIL FROM:<fred.mustermann@schule.example>
        S 503 5.5.1
        C EHLO
        S 501 Syntax
        C EHLO pc12
        S 250-
        C MAIL FROM:<fred.mustermann@schule.example>
        S 530 5.7.0
        C AUTH PLAIN AGEAYg==
        S 538 5.7.11
        C STARTTLS now
        S 501 5.5.4
        TLS
        C AUTH LOGIN
        S 503 5.5.1
        C EHLO pc12
        S 250-
        C AUTH
        S 501 5.5.4
    """,
    "signing in goes wrong": """
        submissions
        S 220
        C EHLO pc12
        S 250-
        C AUTH CRAM-MD5
        S 504 5.5.4
        C auth login
        S 334
        C *
        S 501 5.7.0
        C AUTH PLAIN AGdpbmEubXVzdGVyZnJhdQB3cm9uZw==
        S 535 5.7.8
        C AUTH PLAIN !!!
        S 501 5.5.2
        C AUTH PLAIN
        S 421 4.7.0
        END
    """,
    "signing in cannot be read, or as somebody else": """
        submissions
        S 220
        C EHLO pc12
        S 250-
        C AUTH PLAIN !!!
        S 501 5.5.2
        C AUTH LOGIN =
        S 334
        C {bad}
        S 501 5.5.2
        C AUTH PLAIN Z2luYQBmcmVkAHg=
        S 535 5.7.8
    """,
    "a locked account": """
        submissions
        S 220
        C EHLO pc12
        S 250-
        AUTH lola.gesperrt
        S 535 5.7.13
    """,
    "the first password": """
        submissions
        S 220
        C EHLO pc12
        S 250-
        AUTH moni.muss
        S 535 5.7.12
    """,
    "no consent": """
        submissions
        S 220
        C EHLO pc12
        S 250-
        AUTH otto.ohne
        S 535 5.7.1
    """,
    "senders that cannot be": """
        submissions as fred.mustermann
        C RCPT TO:<frida.lehrer@schule.example>
        S 503 5.5.1
        C DATA
        S 503 5.5.1
        C MAIL FROM:<gina.musterfrau@schule.example>
        S 550 5.7.1
        C MAIL TO:<fred.mustermann@schule.example>
        S 501 5.5.4
        C MAIL FROM:<fred.mustermann@schule.example
        S 553 5.1.3
        C MAIL FROM:<fr\u00e9d@schule.example>
        S 553 5.6.7
        C MAIL FROM:<fr\u00e9d@schule.example> SMTPUTF8
        S 550 5.7.1
        C MAIL FROM:<fr{bad}d@schule.example> SMTPUTF8
        S 553 5.1.3
        C MAIL FROM:<fred.mustermann@schule.example> SIZE=x
        S 501 5.5.4
        C MAIL FROM:<fred.mustermann@schule.example> BODY=BINARYMIME
        S 501 5.5.4
        C MAIL FROM:<fred.mustermann@schule.example> HOLDFOR=60
        S 555 5.5.4
        C MAIL FROM:<fred.mustermann@schule.example> SIZE=99000000
        S 552 5.3.4
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250 2.1.0
        C MAIL FROM:<fred.mustermann@schule.example>
        S 503 5.5.1
        C AUTH PLAIN
        S 503 5.5.1
    """,
    "recipients that cannot be": """
        submissions as fred.mustermann
        C MAIL FROM:<fred.mustermann@schule.example> SIZE=1200000
        S 250 2.1.0
        C RCPT TO:<>
        S 553 5.1.3
        C RCPT TO:<nobody@schule.example>
        S 550 5.1.1
        C RCPT TO:<\u00fc@schule.example>
        S 553 5.6.7
        C RCPT TO:<a@elsewhere.example>
        S 550 5.7.1
        C RCPT TO:<otto.ohne@schule.example>
        S 550 5.2.1
        C RCPT TO:<vera.voll@schule.example>
        S 552 5.2.2
        C RCPT TO:<frida.lehrer@schule.example> NOTIFY=NEVER,FAILURE
        S 501 5.5.4
        C RCPT TO:<frida.lehrer@schule.example> SIZE=5
        S 555 5.5.4
        C RCPT FROM:<frida.lehrer@schule.example>
        S 501 5.5.4
        C RCPT TO:<frida.lehrer@schule.example>
        S 250 2.1.5
        C RCPT TO:<frida.lehrer@schule.example>
        S 250 2.1.5
        C RCPT TO:<gina.musterfrau@schule.example>
        S 250 2.1.5
        C RCPT TO:<gina.musterfrau@schule.example>
        S 452 4.5.3
        C DATA now
        S 501 5.5.4
    """,
    "recipients outside": """
        submissions as frida.lehrer
        C MAIL FROM:<frida.lehrer@schule.example>
        S 250 2.1.0
        C RCPT TO:<somebody@elsewhere.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;s@elsewhere.example
        S 250 2.1.5
        C RCPT TO:<somebody@nowhere>
        S 550 5.1.3
    """,
    "a mailbox that is full": """
        submissions as fred.mustermann
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250
        C RCPT TO:<vera.voll@schule.example>
        S 250
        C DATA
        S 354
        C From: fred.mustermann@schule.example
        C
        C {half}
        C .
        S 250 2.0.0
        C MAIL FROM:<fred.mustermann@schule.example> SIZE=8000
        S 250
        C RCPT TO:<vera.voll@schule.example>
        S 250
        C DATA
        S 354
        C From: fred.mustermann@schule.example
        C
        C {half}
        C .
        S 452 4.2.2
    """,
    "messages that are refused": """
        submissions as fred.mustermann
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250
        C RCPT TO:<frida.lehrer@schule.example>
        S 250
        C DATA
        S 354
        C Subject: from nobody
        C
        C .
        S 550 5.6.0
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250
        C RCPT TO:<frida.lehrer@schule.example>
        S 250
        C DATA
        S 354
        C From: gina.musterfrau@schule.example
        C
        C .
        S 550 5.7.1
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250
        C RCPT TO:<frida.lehrer@schule.example>
        S 250
        C DATA
        S 354
        C From: fred.mustermann@schule.example
        C
        C {long}
        C .
        S 550 5.6.0
        C MAIL FROM:<fred.mustermann@schule.example> SMTPUTF8
        S 250
        C RCPT TO:<\u00fc@schule.example>
        S 550 5.1.1
        C RSET
        S 250
        C MAIL FROM:<fred.mustermann@schule.example>
        S 250
        C RCPT TO:<frida.lehrer@schule.example>
        S 250
        C DATA
        S 354
        C From: fred.mustermann@schule.example
        C
        C {lf}.{cr}
        C .
        S 550 5.6.0
        END
    """,
    "commands that are none": """
        submission
        S 220
        C EHLO pc12
        S 250-
        C XYZZY
        S 500 5.5.2
        C EXPN klasse3a
        S 502 5.5.1
        C NOOP {long}
        S 421 4.5.2
        END
    """,
    "a line that ends as it likes": """
        submission
        S 220
        C NOOP{lf}NOOP
        S 421 4.5.2
        END
    """,
}
