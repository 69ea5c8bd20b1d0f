"""Homes of accounts that an import has made, through the privileged helper; ``folders`` sees to all others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.policy.account import Account
from appliance.supervisor.people import People

LOG = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]


class HomeMaker(Protocol):
    """What is needed of the privileged helper; may raise ``daemon.request_client`` errors."""

    def home_make(self, login: str, uid: int, gid: int) -> object:
        """Make the home of ``login`` if it is not there."""


class Homes:
    """Makes what is missing; what failed is tried again the next time."""

    def __init__(self, people: People, maker: HomeMaker) -> None:
        self._people = people
        self._maker = maker

    def repair(self, accounts: Iterable[Account], progress: Progress = lambda *_: None) -> list[str]:
        """Make every home that was not made yet; gives a warning for each that could not be, in words for the carer.

        When the helper gives no answer at all, the rest is left for the next time with one warning. Raises
        ``StateError``.
        """
        made = self._people.homes()
        missing = [account for account in accounts if account.uid not in made]
        warnings: list[str] = []
        for done, account in enumerate(missing):
            progress(done, len(missing), "homes")
            try:
                self._maker.home_make(account.login, account.uid, account.uid)
            except Unreachable:
                LOG.warning("%d homes are not made: the privileged helper gives no answer", len(missing) - done)
                left = len(missing) - done
                return [*warnings, f"{left} homes could not be made: the privileged helper gives no answer; done later"]
            except RequestRefused as refusal:
                warnings.append(f"the home of {account.login} could not be made: {refusal.text}")
            else:
                self._people.home_made(account.uid)
        return warnings
