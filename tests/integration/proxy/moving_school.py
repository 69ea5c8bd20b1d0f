"""A school in which much is moved: sites of several hosts, one of which is exempt, and many pupils.

May live here: what such schools have in common. May not: bytes (``moving``, ``moving_site``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import ClassVar, TypeVar

from appliance.daemon.reload import ask
from appliance.policy.account import Role
from tests.integration.proxy.moving_site import Site
from tests.integration.proxy.school import FRED, School
from tests.integration.support_parts import person, short_folder

PATIENT = "head_timeout: 30 s\nidle_timeout: 30 s\nanswer_timeout: 30 s\n"
EXEMPT = "127.0.0.3"
PUPILS = tuple(f"kind.nr{number}" for number in range(50))
Kind = TypeVar("Kind", bound="Busy")


class Busy(School):
    """``far`` and ``other`` are hosts like any, ``free`` is exempt."""

    PEOPLE: ClassVar = {
        FRED: person(FRED, 20000, Role.PUPIL),
        **{login: person(login, 20100 + number, Role.PUPIL) for number, login in enumerate(PUPILS)},
    }
    FOLDERS: ClassVar = {**School.FOLDERS, "run/proxy": (0o700, True)}
    TIMES = f"{PATIENT}tunnel_window: 10 min\nexempt: [{EXEMPT}]\n"

    def _beyond(self, stack: contextlib.ExitStack) -> list[str]:
        self.far, self.free, self.other = (Site(one, stack) for one in ("127.0.0.2", EXEMPT, "127.0.0.4"))
        return [one.where for one in (self.far, self.free, self.other)]

    def reload(self, old: str = "", new: str = "") -> None:
        """Have the proxy, with all of its workers, read its settings with ``new`` in the place of ``old``."""
        path = self.settings.folder / "proxy.yaml"
        text = path.read_text()
        assert old in text, text
        path.write_text(text.replace(old, new))
        assert self.proxy.process is not None
        assert ask(self.proxy.process.pid) == []


@contextlib.contextmanager
def start(kind: type[Kind]) -> Iterator[Kind]:
    """Run a school until the end."""
    with short_folder() as (folder, stack):
        yield kind(folder, stack)
