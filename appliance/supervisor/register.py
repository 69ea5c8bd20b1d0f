"""What an import writes into the state, as the roster asks for it.

Its shape is the Protocol of ``roster.apply``. Blocking; each call is a transaction of its own, on disk when it returns.
"""

from __future__ import annotations

from datetime import date

from appliance.policy.account import Consent, Role
from appliance.policy.events import Kind
from appliance.roster.record import Known
from appliance.supervisor.core import Core
from appliance.supervisor.people import GivenConsent, Person


class Register:
    """Numbers, persons and consents of one import, signed ``by`` who runs it.

    Raises ``Unreachable`` and ``RequestRefused`` while nobody tells whose folders are on the disk: none of their
    numbers is given to somebody else.
    """

    def __init__(self, core: Core, by: str) -> None:
        self._core = core
        self._by = by
        directory = core.publisher.directory
        used = [account.uid for account in directory.accounts] if directory else []
        used += [group.gid for group in directory.groups] if directory else []
        numbers = core.settings.directory
        used.append(core.folders.found().highest(numbers.id_first, numbers.id_last))
        self._used = max(used)
        self._logins = {uid: person.login for uid, person in core.people.all().items()}

    def next_uid(self) -> int:
        """A numeric id for an account, never given before; raises ``OutOfNumbers``."""
        return self._next("uid")

    def next_gid(self) -> int:
        """A numeric id for a group, never given before; raises ``OutOfNumbers``."""
        return self._next("gid")

    def remember(self, uid: int, login: str, source_id: str | None, birth_date: date | None) -> None:
        """Keep who ``uid`` is, before the directory knows: after a crash the same person keeps login and id."""
        self._core.people.remember(Person(uid, login, source_id, birth_date))
        self._logins[uid] = login

    def consent(self, uid: int, consent: Consent, version: str) -> None:
        """Enter a consent that the roster, or who imports it, vouches for (K23)."""
        self._core.people.give(uid, GivenConsent(consent, version, self._core.clock(), self._by))
        if login := self._logins.get(uid):
            self._core.record(Kind.CONSENT_GIVEN, login=login, consent=consent, version=version, by=self._by)

    def _next(self, name: str) -> int:
        directory = self._core.settings.directory
        return self._core.people.next_number(name, directory.id_first, directory.id_last, self._used)


def known_people(core: Core) -> list[Known]:
    """Everybody with an account, and who was remembered before a cut import could make one."""
    directory = core.publisher.directory
    accounts = directory.accounts if directory else ()
    persons, consents = core.people.all(), core.people.consents()
    there = [account for account in accounts if not account.hidden]
    known = []
    for account in there:
        person = persons.pop(account.uid, None)
        known.append(
            Known(
                login=account.login,
                uid=account.uid,
                source_id=person.source_id if person else None,
                given_name=account.given_name,
                surname=account.surname,
                birth_date=person.birth_date if person else None,
                role=account.role,
                groups=tuple(sorted(account.groups)),
                consents=frozenset(given.consent for given in consents.get(account.uid, ())),
                disabled=account.disabled,
                has_password=account.password_changed_at is not None or account.must_change,
            )
        )
    for person in persons.values():
        known.append(
            Known(person.login, person.uid, person.source_id, "", "", person.birth_date, Role.PUPIL, pending=True)
        )
    return known
