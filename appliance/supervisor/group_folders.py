"""Folders of groups that an import has made, through the privileged helper; ``folders`` sees to all others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.account import Group

LOG = logging.getLogger(__name__)


class GroupMaker(Protocol):
    """What is needed of the privileged helper; may raise ``daemon.request_client`` errors."""

    def group_make(self, name: str, gid: int) -> object:
        """Make the folder of the group ``name`` if it is not there."""


class GroupFolders:
    """Makes what is missing; what failed is tried again the next time. Thread-safe.

    What was made is remembered only while we run: asking again costs little, and a folder that somebody removed comes
    back with the next start.
    """

    def __init__(self, maker: GroupMaker) -> None:
        self._maker = maker
        self._guard = threading.Lock()
        self._made: set[tuple[str, int]] = set()

    def repair(self, groups: Iterable[Group]) -> list[str]:
        """Make every folder that was not made yet; gives a warning for each that could not be, for the carer."""
        with self._guard:
            warnings: list[str] = []
            missing = [group for group in groups if (group.name, group.gid) not in self._made]
            for done, group in enumerate(missing):
                try:
                    self._maker.group_make(group.name, group.gid)
                except Unreachable:
                    left = len(missing) - done
                    LOG.warning("%d group folders are not made: the privileged helper gives no answer", left)
                    return [*warnings, f"{left} group folders could not be made: the privileged helper gives no answer"]
                except RequestRefused as refusal:
                    warnings.append(f"the folder of {group.name} could not be made: {refusal.text}")
                else:
                    self._made.add((group.name, group.gid))
            return warnings
