"""What a connection of a browser gives back when something of ours fails, or may not go on."""

import pytest

from appliance.daemon.http_head import request_head
from appliance.proxy.conversation import Conversation
from appliance.proxy.guest import Way
from appliance.proxy.hello import Reading
from appliance.proxy.job import asked_for
from appliance.proxy.opening import Opening
from appliance.proxy.relay import Tunnel
from appliance.proxy.replies import Cause, Refused
from appliance.proxy.session import Outcome
from tests.unit.proxy.test_hello import NAMED
from tests.unit.proxy.test_poll import fail

from .desk_school import PLACE, Scene, Session


class Talk(Scene):
    """A conversation whose site answers at once."""

    def __init__(self):
        super().__init__(connector=self)
        wire, self.upstream = self.wires()
        self.conversation = wire.receiver = Conversation(self.desk, Way.PLAIN)
        self.conversation.begin(wire, "10.1.0.7")
        self.conversation._session = self.session

    def connect(self, _where, _inside, connected):
        connected(self.upstream)

    def tunnel(self, late=False):
        """Ask for one, with the hello behind, or after the answer."""
        head = b"CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
        self.conversation._buffer = b"" if late else NAMED
        self.conversation._carry(asked_for(request_head(head), caught=False), self.session)
        if late and len(self.connections):
            self.client.send(NAMED)
            self.turn()


@pytest.fixture
def talk():
    one = Talk()
    yield one
    one.close()


def test_a_tunnel_takes_its_place(talk):
    talk.tunnel()
    assert talk.site.recv(4096) == NAMED
    assert (len(talk.connections), talk.session.outcomes) == (1, [])
    for one in talk.connections:
        one.drop()
    assert talk.session.outcomes == [Outcome.BROKEN_OFF]
    assert talk.nothing_is_left()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("where", "what"), [(Opening, "__init__"), (Reading, "look"), (Session, "count_up"), (Tunnel, "__init__")]
)
def test_a_fault_of_ours_while_a_tunnel_opens_leaves_nothing(talk, monkeypatch, caplog, where, what, late):
    monkeypatch.setattr(where, what, fail)
    talk.tunnel(late)
    assert caplog.records
    assert len(talk.session.outcomes) == 1
    assert talk.nothing_is_left()


def test_a_site_is_not_kept_for_who_may_not_go_on(talk):
    talk.conversation.keep(PLACE, talk.upstream)
    talk.conversation.stop(Refused(Cause.INSIDE))
    assert talk.session.outcomes == [Outcome.REFUSED]
    assert talk.upstream.descriptor == -1
    assert len(talk.connections) == 1, "he may ask for something else"
