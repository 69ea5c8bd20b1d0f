"""Who comes with the address of a device and nothing else: is asked of the policy just as who has a password.

May live here: from an address to who is signed in. May not: how an address came to its owner, a protocol. A device was
bound by a session that a password or a person stood for; that session ends by itself, so a new password does not end
what is open here (K04), but the end of the binding does, and so does another owner.
"""

from __future__ import annotations

from datetime import datetime

from appliance.policy.account import Service
from appliance.policy.decision import Reason
from appliance.policy.events import Kind
from appliance.policy.owners import NOBODY, Binding, binding_of
from appliance.policy.snapshot import Snapshot
from appliance.session.house import House
from appliance.session.obstacle import Hitch, Obstacle
from appliance.session.signed_in import SignedIn

_MOST = 10_000
_OUTCOMES = {Reason.MUST_CHANGE: "must-change", Hitch.LATER: "try-later"}


class Devices:
    """Knows who comes to ``service`` of one worker by his device.

    A phone opens hundreds of connections: who comes is known until the snapshot or the time says otherwise, and the
    sign-in is recorded once for a binding, and again when it has another outcome.
    """

    def __init__(self, house: House, service: Service) -> None:
        self._house = house
        self._service = service
        self._outcomes: dict[Binding, str] = {}
        self._known: dict[str, tuple[SignedIn | None, datetime | None]] = {}
        self._by: Snapshot | None = None

    def now(self) -> datetime:
        """Give the present instant."""
        return self._house.now()

    def arrive(self, address: str) -> SignedIn | Obstacle | None:
        """Say whose device is at the IP ``address`` by the newest snapshot; ``None``: nobody's."""
        house = self._house
        snapshot = house.snapshot()
        if snapshot is None:
            return Obstacle(Hitch.LATER)
        now = house.now()
        if snapshot is not self._by or len(self._known) >= _MOST:
            self._by = snapshot
            self._known.clear()
        known = self._known.get(address)
        if known is not None and (known[1] is None or now < known[1]):
            return known[0]
        binding = binding_of(snapshot, address)
        if binding is None or not binding.holds(now):
            self._known[address] = None, None if binding is None else binding.next_change(now)
            return None
        who = SignedIn(binding.login, binding.since, None, by_address=True)
        answer = house.ask(who.request(self._service, address=address))
        outcome = _OUTCOMES.get(answer.why, "denied") if isinstance(answer, Obstacle) else "verified"
        if self._outcomes.get(binding) != outcome:
            standing = frozenset(snapshot.owners.values())
            self._outcomes = {one: said for one, said in self._outcomes.items() if one in standing}
            self._outcomes[binding] = outcome
            fields = {"service": self._service.value, "login": binding.login, "address": address, "outcome": outcome}
            house.record(Kind.SIGN_IN, **fields, way="address")
        if isinstance(answer, Obstacle):
            return answer
        self._known[address] = who, answer.valid_until
        return who


def nobody(at: datetime) -> SignedIn:
    """Give who stands for the address without owner from which somebody came ``at`` that instant (aware).

    What is open to him is open while the address has no owner.
    """
    return SignedIn(NOBODY, at, None, by_address=True)
