"""A carer who calls verbs on a state of his own: what the tests of several nouns have in common."""

from types import SimpleNamespace

import pytest

from appliance.policy.events import Event, validate
from appliance.supervisor.compose import compose
from appliance.supervisor.kicker import Kicker
from appliance.supervisor.locks import Locks
from appliance.supervisor.memory import StateMemory
from appliance.supervisor.people import People
from appliance.supervisor.verb import Call, VerbError
from appliance.supervisor.versions import Kicks

from .scenery import NOW


class Carer:
    """Calls the ``verbs`` of the noun ``NOUN``; ``directory`` is as read, ``parts`` are what the core has beside.

    ``events`` is what was recorded, ``now`` the time.
    """

    NOUN = ""

    def __init__(self, state, verbs, settings, directory, **parts):
        self.now = NOW
        self.events = []
        self._verbs = verbs
        self._directory = directory
        kicker = Kicker(Kicks(state), lambda *_: None, lambda: 0.0)
        self._memory = StateMemory(state, People(state), Locks(state), kicker)
        self.core = SimpleNamespace(
            settings=settings,
            clock=lambda: self.now,
            snapshot=self.snapshot,
            account=self._account,
            in_force=lambda: True,
            record=self._record,
            **parts,
        )

    def snapshot(self):
        return compose(self._directory, self._memory.known(self.now), self.core.settings)

    def __call__(self, name, **given):
        verb = self._verbs(self.core)[f"{self.NOUN}.{name}"]
        return verb.run(Call(verb.checked(given), "carer", lambda *_: None))

    def refused(self, name, **given):
        with pytest.raises(VerbError) as caught:
            self(name, **given)
        return caught.value

    def _account(self, login):
        try:
            return self.snapshot().accounts[login]
        except KeyError:
            raise VerbError("unknown-account", login) from None

    def _record(self, kind, **fields):
        validate(Event(kind, self.now, fields))
        self.events.append((kind, fields))
