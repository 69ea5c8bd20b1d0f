"""A real Chromium on one of the machines, without a window: loads pages, and answers who asks for a password.

It is spoken to over two pipes (Chrome DevTools Protocol). May live here: starting it, loading. May not: what is tried.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tests.integration.wlan.networks import Host

_ALWAYS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")


class Browser:
    """``password`` is what it says to a proxy that asks, login and password; ``asked``: how often one did."""

    def __init__(self, to: BinaryIO, back: BinaryIO, password: tuple[str, str] | None) -> None:
        self._to, self._back = to, back
        self._password = password
        self._number = 0
        self._page = ""
        self._loaded = False
        self.asked = 0

    def begin(self) -> None:
        """Open a page, and have all its requests shown."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._page = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Fetch.enable", handleAuthRequests=True)

    def load(self, url: str) -> str:
        """Load ``url``; the text of the page, or why there is none (``net::ERR_…``)."""
        self._loaded = False
        begun = self._call("Page.navigate", url=url)
        if "errorText" in begun:
            return str(begun["errorText"])
        while not self._loaded:
            self._take(self._read())
        return str(self.evaluate("document.documentElement.innerText"))

    def evaluate(self, expression: str) -> Any:
        """Work out ``expression`` (JavaScript) in the page that is loaded."""
        return self._call("Runtime.evaluate", expression=expression)["result"]["value"]

    def screen(self, width: int, dark: bool = False) -> None:
        """Have a screen of ``width`` CSS pixels, and the colours that go with the night if it is ``dark``."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=600, deviceScaleFactor=1, mobile=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = self._send(method, parameters)
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        """Let a request go on; say the password where it is asked for, once."""
        told = message.get("params", {})
        self._loaded |= message.get("method") == "Page.loadEventFired"
        if message.get("method") == "Fetch.requestPaused":
            self._send("Fetch.continueRequest", {"requestId": told["requestId"]})
        elif message.get("method") == "Fetch.authRequired":
            self.asked += 1
            answer: dict[str, str] = {"response": "CancelAuth"}
            if self._password is not None and told["authChallenge"]["source"] == "Proxy":
                login, password = self._password
                answer = {"response": "ProvideCredentials", "username": login, "password": password}
            self._send("Fetch.continueWithAuth", {"requestId": told["requestId"], "authChallengeResponse": answer})

    def _send(self, method: str, parameters: dict[str, Any]) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._page and not method.startswith("Target."):
            message["sessionId"] = self._page
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        return self._number

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (one := self._back.read(1)) != b"\0":
            assert one, "the browser has gone"
            data += one
        return dict(json.loads(data))


@contextlib.contextmanager
def browsing(host: Host, folder: Path, *options: str, password: tuple[str, str] | None = None) -> Iterator[Browser]:
    """Run one on ``host`` with ``options``; what it keeps is below ``folder``."""
    down, to = os.pipe()
    back, up = os.pipe()
    script = f'exec 3<&{down} 4>&{up}; exec "$@"'
    argv = ["bash", "-c", script, "sh", "chromium", *_ALWAYS, f"--user-data-dir={folder}", "--remote-debugging-pipe"]
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8"}
    running = host.within(
        lambda: subprocess.Popen(
            [*argv, *options], pass_fds=(down, up), env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    )
    os.close(down)
    os.close(up)
    try:
        with os.fdopen(to, "wb") as there, os.fdopen(back, "rb") as here:
            browser = Browser(there, here, password)
            browser.begin()
            yield browser
    finally:
        running.terminate()
        running.wait(20)
