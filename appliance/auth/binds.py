"""The directory seen from an event loop: each call runs in one of a few threads, on a kept connection.

May live here: handing calls to threads. May not: LDAP (``directory``), and what a call is for.
"""

from __future__ import annotations

from appliance.auth.threads import Threads
from appliance.daemon.secret import Secret
from appliance.directory.client import Directory
from appliance.directory.errors import DirectoryError, NotFound
from appliance.directory.records import Checked, Mark

_WAITING = 64


class DirectoryCalls:
    """Checks and writes passwords in ``directory``, ``threads`` at a time, each within ``patience`` seconds.

    All methods raise ``DirectoryUnavailable`` and :class:`~appliance.auth.threads.Busy`, which are temporary.
    """

    def __init__(self, directory: Directory, threads: int, patience: float) -> None:
        self._directory = directory
        self._threads = Threads(threads, _WAITING, patience)

    async def check(self, login: str, password: Secret) -> Checked:
        """Bind as ``login``."""
        return await self._threads.run(lambda: self._directory.check(login, password))

    async def check_since(self, login: str, password: Secret, known: Mark | None) -> tuple[Checked, Mark | None]:
        """Bind as ``login``, unless its mark is still the ``known`` one, under which this password was right.

        Returns the mark it had before the bind too; ``None`` if it cannot be told.
        """
        return await self._threads.run(lambda: self._check_since(login, password, known))

    async def write(self, login: str, password: Secret, must_change: bool) -> None:
        """Write a password; raises ``NotFound`` or ``DirectoryRefused`` too."""
        await self._threads.run(lambda: self._directory.set_password(login, password, must_change))

    async def hidden(self, login: str) -> bool:
        """Whether ``login`` is an account of the server itself; raises ``NotFound`` too."""
        account = await self._threads.run(lambda: self._directory.find(login))
        if account is None:
            raise NotFound(login)
        return account.hidden

    def _check_since(self, login: str, password: Secret, known: Mark | None) -> tuple[Checked, Mark | None]:
        try:
            mark = self._directory.mark(login)
        except DirectoryError:  # without marks each password is checked, as long as that works
            mark = None
        if mark is not None and mark == known:
            return Checked.GOOD, mark
        return self._directory.check(login, password), mark

    def close(self) -> None:
        """Begin no more calls and give the connections back."""
        self._threads.close()
        self._directory.close()
