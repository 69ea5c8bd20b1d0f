"""One request, as it goes from step to step. May live here: what it asks for. May not: steps."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.daemon.http_framing import Body
from appliance.daemon.http_head import RequestHead
from appliance.policy.request import Action
from appliance.proxy.forward import keeps_open
from appliance.proxy.gate import Wish
from appliance.proxy.target import Where
from appliance.session.signed_in import SignedIn


@dataclass(slots=True, eq=False)
class Job:
    """What is asked for: ``path`` of the site ``where``, by ``head`` and the ``body`` that comes after it."""

    head: RequestHead
    where: Where
    path: str
    body: Body

    @property
    def tunnel(self) -> bool:
        """Whether it asks for a tunnel."""
        return self.head.method == "CONNECT"

    @property
    def may_keep(self) -> bool:
        """Whether the client's connection may stay open after a page in place of an answer."""
        return self.body.done and not self.tunnel and keeps_open(self.head)

    def wish(self, guest: SignedIn, address: str, caught: bool) -> Wish:
        """Give what ``guest`` wants, who comes from the IP ``address``; ``caught``: on the way to the site itself."""
        tunnel, done = self.tunnel, self.body.done
        action = Action.FETCH if tunnel or done else Action.WRITE
        return Wish(guest, self.where, tunnel, action, address, None if done else self.body.length, caught)
