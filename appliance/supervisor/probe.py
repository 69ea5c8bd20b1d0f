"""What a probe is: one real exchange with a service by the hidden account, bytes compared.

May live here: the types and how results are counted. May not: any protocol (``probe_*``), threads, the launcher.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.daemon.secret import Secret
from appliance.policy.account import Service

if TYPE_CHECKING:
    from appliance.settings.load import Settings

IN_A_ROW = 3
"""Failures in a row after which a unit is restarted."""


class ProbeFailed(Exception):
    """The exchange failed: the service is red; nothing in ``text`` names a person.

    ``unit`` is to be restarted if it goes on: it was silent, not there, or broke what was given to it. ``None`` where
    that would not help, above all where somebody refused in the words of the protocol and so is alive: a server that is
    busy must not be restarted for it.
    """

    def __init__(self, unit: str | None, text: str) -> None:
        super().__init__(text)
        self.unit = unit
        self.text = text


class WrongPassword(ProbeFailed):
    """The hidden account's password is not valid any more: it must be issued anew."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who probes: the hidden account ``login`` of ``settings``; each network operation may take ``timeout`` seconds.

    ``ca`` is the file with the certificates that services are trusted by.
    """

    settings: Settings
    login: str
    password: Secret
    timeout: float
    ca: Path


@dataclass(frozen=True, slots=True)
class Probe:
    """``run`` uses ``service`` (``None``: none that could be closed), which the ``units`` of those names bring about.

    It blocks, returns when all was right (what status says then, or ``None``) and raises :class:`ProbeFailed`
    otherwise. Where one of ``units`` is not installed there is nothing to probe.
    """

    name: str
    service: Service | None
    run: Callable[[Visitor], str | None]
    units: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    """How a probe stands: ``ended`` on a monotonic clock (``None``: never), ``failures`` in a row by blamed unit.

    ``proved``: it was right at least once.
    """

    ok: bool = False
    text: str = "not run yet"
    ended: float | None = None
    took: float = 0.0
    failures: int = 0
    unit: str | None = None
    proved: bool = False

    def after(self, failed: ProbeFailed | None, started: float, ended: float, said: str | None = None) -> Result:
        """The result once another run ended in ``failed``, or well, and ``said`` something."""
        done = replace(self, ended=ended, took=ended - started)
        if failed is None:
            return replace(done, ok=True, proved=True, text=said or "right", failures=0, unit=None)
        in_a_row = self.failures + 1 if failed.unit == self.unit else 1
        return replace(done, ok=False, text=failed.text, failures=in_a_row, unit=failed.unit)

    def restart_due(self) -> str | None:
        """The unit to restart now: at the third failure it is blamed for in a row, the sixth, and so on."""
        return self.unit if self.failures and self.failures % IN_A_ROW == 0 else None
