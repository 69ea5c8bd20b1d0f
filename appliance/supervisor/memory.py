"""What the publisher needs of the state, in one place; and the sessions that must end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from appliance.policy.account import Service
from appliance.policy.snapshot import Version
from appliance.supervisor.compose import Known
from appliance.supervisor.devices import Devices
from appliance.supervisor.kicker import Kicker
from appliance.supervisor.lessons import Lessons
from appliance.supervisor.limits import Exemptions
from appliance.supervisor.locks import Locks
from appliance.supervisor.people import People
from appliance.supervisor.quotas import Quotas
from appliance.supervisor.state import State
from appliance.supervisor.versions import Versions


class StateMemory:
    """The tables as the publisher's ``Memory``; all methods raise ``StateError``."""

    def __init__(self, state: State, people: People, locks: Locks, kicker: Kicker) -> None:
        self._state = state
        self._people = people
        self._locks = locks
        self._versions = Versions(state)
        self._kicker = kicker
        self._exemptions = Exemptions(state)
        self._quotas = Quotas(state)
        self._devices = Devices(state)
        self._lessons = Lessons(state)

    def known(self, now: datetime) -> Known:
        """Consents, and locks, exemptions, quotas, bindings and lessons in force at ``now``."""
        return Known(
            self._people.consents(),
            self._locks.standing(now),
            self._exemptions.standing(now),
            self._quotas.standing(now),
            self._devices.standing(now),
            self._lessons.standing(now),
        )

    def generation(self) -> int:
        """Another number whenever :meth:`known` may say something else."""
        return self._state.generation

    def next_version(self, published: Version | None) -> Version:
        """A version above every earlier one and above ``published``."""
        return self._versions.next(published)

    def kick(self, service: Service, logins: Iterable[str]) -> None:
        """Note, on disk, whose sessions must end."""
        self._kicker.note(service, logins)
