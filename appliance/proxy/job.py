"""One request, as it goes from step to step. May live here: what it asks for. May not: steps, how a head is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.daemon.http_framing import Body, request_body
from appliance.daemon.http_head import RequestHead
from appliance.policy.request import Action
from appliance.proxy.forward import keeps_open
from appliance.proxy.gate import Wish
from appliance.proxy.target import Where, asked_of_a_proxy, origin_form
from appliance.session.signed_in import SignedIn


@dataclass(slots=True, eq=False)
class Job:
    """What is asked for: ``path`` of the site ``where``, by ``head`` and the ``body`` that comes after it."""

    head: RequestHead
    where: Where
    path: str
    body: Body
    _wish: Wish | None = field(default=None, init=False)

    @property
    def tunnel(self) -> bool:
        """Whether it asks for a tunnel."""
        return self.head.method == "CONNECT"

    @property
    def may_keep(self) -> bool:
        """Whether the client's connection may stay open after a page in place of an answer."""
        return self.body.done and not self.tunnel and keeps_open(self.head)

    def wish(self, guest: SignedIn, address: str, caught: bool) -> Wish:
        """Give what ``guest`` wants, who comes from the IP ``address``; ``caught``: on the way to the site itself.

        It is the same one as last time, if he asks again.
        """
        wish = self._wish
        if wish is None or wish.guest is not guest or wish.address != address or wish.caught is not caught:
            tunnel, done = self.tunnel, self.body.done
            action = Action.FETCH if tunnel or done else Action.WRITE
            length = None if done else self.body.length
            wish = self._wish = Wish(guest, self.where, tunnel, action, address, length, caught)
        return wish


def asked_for(head: RequestHead, caught: bool) -> Job:
    """Say what ``head`` asks for, ``caught`` on its way to the site or sent to a proxy; raises ``BadHead``."""
    where, path = origin_form(head) if caught else asked_of_a_proxy(head)
    return Job(head, where, path, request_body(head))
