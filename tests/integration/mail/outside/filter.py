"""A mail filter on libmilter: it says of a message what the message's subject asks for, and writes down what it heard.

Run as ``filter.py SOCKET RECORD WITHOUT``; ``WITHOUT`` are steps that it wants to hear nothing of, such as ``body``.
"""

import sys
from pathlib import Path

import Milter

SOCKET, RECORD, WITHOUT = sys.argv[1:4]
FLAGS = {"body": Milter.P_NOBODY, "connect": Milter.P_NOCONNECT, "headers": Milter.P_NOHDRS}


class Filter(Milter.Base):  # type: ignore[misc]  # pymilter has no types
    """One message."""

    def negotiate(self, options):  # type: ignore[no-untyped-def]  # as pymilter calls it
        options[1] = FLAGS.get(WITHOUT, 0)
        return Milter.CONTINUE

    def connect(self, name, family, address):  # type: ignore[no-untyped-def]
        self.heard, self.subject, self.length = [f"connect {name} {address}"], "", 0
        return Milter.CONTINUE

    def envfrom(self, sender, *_parameters):  # type: ignore[no-untyped-def]
        self.heard, self.subject, self.length = getattr(self, "heard", []), "", 0
        self.heard.append(f"from {sender} {self.getsymval('i')}")
        return Milter.CONTINUE

    def envrcpt(self, recipient, *_parameters):  # type: ignore[no-untyped-def]
        self.heard.append(f"to {recipient}")
        return Milter.CONTINUE

    def header(self, name, value):  # type: ignore[no-untyped-def]
        if name == "Subject":
            self.subject = value
        return Milter.CONTINUE

    def body(self, chunk):  # type: ignore[no-untyped-def]
        self.length += len(chunk)
        return Milter.CONTINUE

    def eom(self):  # type: ignore[no-untyped-def]
        self.heard.append(f"end {self.subject} {self.length}")
        with Path(RECORD).open("a", encoding="utf-8") as record:
            record.write("\n".join(self.heard) + "\n")
        self.addheader("X-Filtered", "yes")
        if self.subject == "answer":
            self.setreply("550", "5.7.1", "not wanted")
            return Milter.REJECT
        if self.subject == "later":
            self.setreply("451", "4.7.1", "come again")
            return Milter.TEMPFAIL
        return {"reject": Milter.REJECT, "discard": Milter.DISCARD, "accept": Milter.ACCEPT}.get(
            self.subject, Milter.CONTINUE
        )


Milter.factory = Filter
Milter.set_flags(Milter.ADDHDRS | Milter.CHGBODY)
Milter.runmilter("filter", SOCKET, 30)
