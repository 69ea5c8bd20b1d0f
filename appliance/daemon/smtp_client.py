"""SMTP as a client (RFC 5321): over TLS only, trusting somebody, within a bounded time, with errors for the carer.

May live here: connecting, TLS (RFC 3207, RFC 8314), AUTH (RFC 4954), what a failure is called. May not: what it needs
for that (``smtp_way``), messages, when something is tried again. Blocking. No error names an address or a password.
"""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from threading import Timer
from typing import Any

from appliance.daemon.smtp_way import Broken, CannotSend, Way

_FOR_GOOD = 500


class Unwanted(CannotSend):
    """None of those it is for takes it, nor will later (RFC 5321 4.2.1: 5yz)."""


@contextlib.contextmanager
def opened(way: Way, noticed: Callable[[smtplib.SMTP], None] = lambda _client: None) -> Iterator[smtplib.SMTP]:
    """Give a client that is ready for MAIL; says good bye after success, closes whatever happens.

    What goes wrong inside, too, is a :class:`CannotSend` or :class:`Unwanted`. ``noticed`` gets the client at once, to
    be able to :func:`cut` it from another thread.
    """
    with _explained(way.whom):
        options: dict[str, Any] = {"local_hostname": way.name, "timeout": way.patience, "limit": way.limit}
        if way.at_once:
            client: smtplib.SMTP = _OverTls(way.host, way.port, context=way.context, **options)
        else:
            client = _Plain(way.host, way.port, **options)
        try:
            noticed(client)
            if not way.at_once:
                client.starttls(context=way.context)
            if way.login is not None and way.password is not None:
                client.login(way.login, way.password.reveal())
            yield client
            with contextlib.suppress(OSError, smtplib.SMTPException):
                client.quit()
        finally:
            client.close()


def cut(client: smtplib.SMTP) -> None:
    """End the connection of ``client`` at once; whoever waits for it sees an error."""
    connection = getattr(client, "sock", None)
    if connection is not None:
        with contextlib.suppress(OSError):  # below TLS: its own end would wait for the other side
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Bounded(smtplib.SMTP):
    """A client whose connection is cut ``limit`` seconds after its beginning."""

    def __init__(self, *arguments: Any, limit: float, **named: Any) -> None:
        self._end = Timer(limit, cut, (self,))
        self._end.daemon = True
        self._end.start()
        try:
            super().__init__(*arguments, **named)
        except BaseException:
            self._end.cancel()
            raise

    def close(self) -> None:
        self._end.cancel()
        super().close()


class _Plain(_Bounded):
    pass


class _OverTls(_Bounded, smtplib.SMTP_SSL):
    pass


@contextlib.contextmanager
def _explained(whom: str) -> Iterator[None]:
    """Turn what smtplib and the network raise into :class:`CannotSend`, :class:`Broken` or :class:`Unwanted`."""
    try:
        yield
    except ssl.SSLCertVerificationError as problem:
        raise Broken(f"{whom} cannot prove who it is: {problem.verify_message}") from problem
    except ssl.SSLError as problem:
        raise CannotSend(f"{whom}: TLS fails ({problem.reason or 'no reason'})") from problem
    except TimeoutError as problem:
        raise CannotSend(f"{whom} gives no answer in time") from problem
    except smtplib.SMTPRecipientsRefused as problem:
        for_good = all(code >= _FOR_GOOD for code, _ in problem.recipients.values())
        raise (Unwanted if for_good else CannotSend)(f"{whom} {_said(problem)}") from problem
    except smtplib.SMTPDataError as problem:  # such as 552: there is no room for it
        for_good = problem.smtp_code >= _FOR_GOOD
        raise (Unwanted if for_good else CannotSend)(f"{whom} {_said(problem)}") from problem
    except smtplib.SMTPAuthenticationError as problem:
        for_good = problem.smtp_code >= _FOR_GOOD
        raise (Broken if for_good else CannotSend)(f"{whom} {_said(problem)}") from problem
    except OSError as problem:  # smtplib's own errors are among them
        raise CannotSend(f"{whom} {_said(problem)}") from problem
    except ValueError as problem:
        raise CannotSend(f"{whom} says what nobody understands") from problem


def _said(problem: OSError) -> str:
    for kind, words in _WORDS:
        if isinstance(problem, kind):
            return words(problem)
    if isinstance(problem, socket.gaierror):
        return "is a name that cannot be resolved"
    return f"cannot be reached: {os.strerror(problem.errno or 0)}"


def _codes(problem: Any) -> str:
    return ", ".join(sorted({str(code) for code, _ in problem.recipients.values()}))


_WORDS: tuple[tuple[type[OSError], Callable[[Any], str]], ...] = (
    (smtplib.SMTPAuthenticationError, lambda problem: f"refuses login or password ({problem.smtp_code})"),
    (smtplib.SMTPRecipientsRefused, lambda problem: f"refuses every address ({_codes(problem)})"),
    (smtplib.SMTPResponseException, lambda problem: f"answers {problem.smtp_code}"),
    (smtplib.SMTPNotSupportedError, lambda _: "does not speak STARTTLS or AUTH"),
    (smtplib.SMTPServerDisconnected, lambda _: "ended the connection or was too slow"),
    (smtplib.SMTPException, lambda problem: f"gives no answer that fits ({type(problem).__name__})"),
)
