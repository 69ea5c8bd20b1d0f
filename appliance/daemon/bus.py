"""Questions to a service on the machine's D-Bus, all answered before a deadline or not at all.

May live here: the connection and its time. May not: what is asked (``supervisor.launcher.systemd``). jeepney does the
encoding; its own connection waits without limit for the bus's first answer, hence this one.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from jeepney import DBusAddress, HeaderFields, Message, MessageType, Parser, message_bus, new_method_call
from jeepney.io.blocking import prep_socket

SYSTEM_BUS: Final = Path("/run/dbus/system_bus_socket")


class BusUnreachable(Exception):
    """The bus or the service gave no answer in time; temporary."""


class BusRefused(Exception):
    """The service answered with an error; ``name`` is D-Bus's for it (``org.freedesktop...``)."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name.rpartition('.')[2]}: {text}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Call:
    """A method of ``interface`` at the object ``path`` of ``service``; ``signature`` is D-Bus's for ``body``."""

    service: str
    path: str
    interface: str
    method: str
    signature: str | None = None
    body: tuple[Any, ...] = ()


class Bus:
    """A connection for some questions, which must all be answered within ``timeout`` seconds from its beginning.

    A context manager; for one thread. Raises :class:`BusUnreachable`.
    """

    def __init__(self, timeout: float, path: Path = SYSTEM_BUS) -> None:
        self._deadline = time.monotonic() + timeout
        self._numbers = itertools.count(1)
        self._parser = Parser()
        try:
            self._socket = prep_socket(str(path), timeout=timeout)
        except (OSError, ValueError) as error:
            raise BusUnreachable(f"{path}: {error or type(error).__name__}") from error
        try:
            self._exchange([message_bus.Hello()])
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Bus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, calls: Sequence[Call]) -> list[tuple[Any, ...]]:
        """Send all ``calls`` at once and give what they return, in their order.

        Raises :class:`BusRefused` if one of them was answered with an error, or :class:`BusUnreachable`.
        """
        return self._exchange([_message(call) for call in calls])

    def _exchange(self, messages: Sequence[Message]) -> list[tuple[Any, ...]]:
        numbers = [next(self._numbers) for _ in messages]
        data = b"".join(message.serialise(serial=number) for message, number in zip(messages, numbers, strict=True))
        replies: dict[int, tuple[Any, ...]] = {}
        try:
            self._wait()
            self._socket.sendall(data)
            while len(replies) < len(numbers):
                message = self._next()
                number = message.header.fields.get(HeaderFields.reply_serial)
                if number in numbers:
                    replies[number] = _content(message)
        except OSError as error:
            raise BusUnreachable(str(error) or type(error).__name__) from error
        return [replies[number] for number in numbers]

    def _next(self) -> Message:
        while (message := self._parser.get_next_message()) is None:
            self._wait()
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the bus ended the connection")
            self._parser.add_data(data)
        return message

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")
        self._socket.settimeout(left)


def _message(call: Call) -> Message:
    address = DBusAddress(call.path, call.service, call.interface)
    return new_method_call(address, call.method, call.signature, call.body)


def _content(message: Message) -> tuple[Any, ...]:
    if message.header.message_type is MessageType.error:
        text = str(message.body[0]) if message.body else ""
        raise BusRefused(str(message.header.fields.get(HeaderFields.error_name, "")), text)
    content: tuple[Any, ...] = message.body
    return content
