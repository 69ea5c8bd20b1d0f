"""A directory that a test writes (the seam ``Flags``), what is published of it, and a clock: for tests of log-on."""

from dataclasses import replace
from datetime import timedelta

from appliance.directory.errors import NotFound
from appliance.policy.account import Consent, Lock
from appliance.supervisor.compose import Known, compose
from appliance.supervisor.locks import KnownLock
from appliance.supervisor.log_on import LogOn
from appliance.supervisor.people import GivenConsent
from appliance.supervisor.publisher import Standing
from tests.unit.supervisor.scenery import ANNA, FRED, NOW, PROBE, directory, settings

WRITE = 0.004
"""Seconds that one change takes."""


class School:
    """A directory, what is published of it, and a clock."""

    def __init__(self, *accounts):
        self.people = {person.login: person for person in accounts or (ANNA, FRED, PROBE)}
        self.locks, self.rules = {}, None
        self.consents = {person.uid: all_consents() for person in self.people.values()}
        self.problem, self.refused, self.writes, self.meanwhile = None, {}, [], {}
        self.ticks, self.now = 1000.0, NOW
        self.directory = self.snapshot = None
        self.standing = Standing()
        self.log_on = LogOn(self, self, lambda: self.now, lambda: self.ticks)

    # the directory
    def set_log_on(self, login, allowed):
        self.ticks += WRITE
        if self.problem:
            raise self.problem
        if login in self.refused:
            raise self.refused[login]
        if login not in self.people:
            raise NotFound("noSuchObject")
        self.writes.append((login, allowed))
        self.meanwhile.pop(len(self.writes) - 1, lambda: None)()
        self.people[login] = replace(self.people[login], log_on=allowed)

    # the publisher
    def publish(self):
        whole = compose(self.directory, Known(self.consents, self.locks), settings())
        self.snapshot = whole if self.rules is None else replace(whole, rules=self.rules)

    def look(self):
        """Read and publish, as after each change of the directory."""
        self.directory = directory(*self.people.values(), cookie=str(self.ticks))
        self.poll()
        self.publish()

    def poll(self):
        """Look whether anything has changed, and find nothing."""
        self.standing = Standing(looked_at=self.now)

    def lock(self, person, service=None, until=None):
        self.locks[person.uid] = (KnownLock(Lock(service, self.now, until), "x", "carer"),)
        self.publish()

    def unlock(self, person):
        del self.locks[person.uid]
        self.publish()

    def run(self):
        """Until everything is written; gives what was."""
        self.writes, pause = [], 0.0
        while pause < 0.1:
            self.ticks += pause
            pause = self.log_on.work()
        return self.writes

    def advance(self, seconds):
        self.ticks += seconds
        self.now += timedelta(seconds=seconds)

    def row(self):
        return self.log_on.check()


def all_consents():
    return tuple(GivenConsent(consent, "1", NOW, "carer") for consent in Consent)
