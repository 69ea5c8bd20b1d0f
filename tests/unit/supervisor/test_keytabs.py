"""Who sees to the keys of services, with hands and a launcher at our own seams."""

import pytest

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.keytabs import Keytabs


class Around:
    """``says`` is what the hands answer, ``asked`` what was asked of them and of the launcher."""

    def __init__(self):
        self.says, self.asked, self.down = (), [], None
        self.keytabs = Keytabs(self, self)

    def keytabs_keep(self):
        self.asked.append("keep")
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def reload(self, name):
        self.asked.append(f"reload {name}")
        if self.down:
            raise self.down

    def states(self):
        return []

    def restart(self, name):
        raise AssertionError(name)


@pytest.fixture
def around():
    return Around()


def test_each_hour(around):
    assert around.keytabs.work() == 3600
    assert around.asked == ["keep", "reload imap"]  # an earlier supervisor may have been ended in between
    assert around.keytabs.work() == 3600
    assert around.asked[2:] == ["keep"]
    assert around.keytabs.check()["ok"]


@pytest.mark.parametrize(("changed", "told"), [(("imap",), True), (("mail", "proxy"), False)])
def test_dovecot_looks_for_keys_when_it_starts(around, changed, told):
    around.keytabs.work()
    around.says = changed
    around.keytabs.work()
    assert (around.asked[-1] == "reload imap") == told


@pytest.mark.parametrize("problem", [RequestRefused("try-later", "no domain is made yet"), Unreachable("nobody")])
def test_it_is_tried_again_soon(around, problem, caplog):
    around.says = problem
    assert [around.keytabs.work() for _ in range(3)] == [5, 5, 5]
    row = around.keytabs.check()
    assert (row["name"], row["ok"]) == ("tickets", False)
    assert str(problem) in row["text"]
    assert len(caplog.records) == 1
    around.says = ("imap",)
    assert around.keytabs.work() == 3600
    assert around.keytabs.check()["ok"]
    assert around.asked[-1] == "reload imap"


def test_dovecot_is_told_as_soon_as_it_is_there(around):
    around.says, around.down = ("imap",), RequestRefused("not-possible", "it does not run")
    assert around.keytabs.work() == 5
    around.says, around.down = (), None
    assert around.keytabs.work() == 3600
    assert around.asked[-1] == "reload imap"
