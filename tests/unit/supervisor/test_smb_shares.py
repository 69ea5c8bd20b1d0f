"""Who sees to the shares, with hands at our own seam."""

import pytest

from appliance.daemon.request_client import RequestRefused, Unreachable
from appliance.supervisor.smb_shares import SmbShares


class Hands:
    """``says`` is what they answer, ``given`` what they were given."""

    def __init__(self):
        self.says, self.given = True, []

    def engine_install(self, engine, text):
        self.given.append((engine, text))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Door:
    """A door that ``says`` a problem, or ``has`` somebody."""

    def __init__(self, says=None, has=""):
        self.says, self.has = says, has

    def problem(self):
        return self.says

    def figures(self):
        return self.has


@pytest.fixture
def hands():
    return Hands()


def test_samba_is_given_the_shares_and_now_and_then_again(hands):
    shares = SmbShares(hands, lambda: "[Home]\n", Door())
    assert shares.work() == 600
    assert hands.given == [("smb", "[Home]\n")]
    row = shares.check()
    assert (row["name"], row["ok"]) == ("drives", True)
    assert "over SMB, which cannot limit downloads" in row["text"]


def test_who_is_there_and_what_stands_against_it_is_said(hands):
    row = SmbShares(hands, lambda: "", Door(has="3 connections over SMB of 2 persons")).check()
    assert row["ok"]
    assert row["text"].endswith("; 3 connections over SMB of 2 persons")
    row = SmbShares(hands, lambda: "", Door("the door gives no answer")).check()
    assert not row["ok"]
    assert "the door gives no answer" in row["text"]


@pytest.mark.parametrize("problem", [RequestRefused("engine-refused", "no domain is made yet"), Unreachable("nobody")])
def test_it_is_tried_again_soon(hands, problem, caplog):
    shares = SmbShares(hands, lambda: "[Home]\n", Door())
    hands.says = problem
    assert [shares.work() for _ in range(3)] == [5, 5, 5]
    assert len(caplog.records) == 1
    row = shares.check()
    assert not row["ok"]
    assert str(problem) in row["text"]
    hands.says = True
    assert shares.work() == 600
    assert shares.check()["ok"]


def test_where_it_is_not_served_that_is_said(hands):
    shares = SmbShares(hands, None, Door())
    assert shares.work() is None
    assert hands.given == []
    row = shares.check()
    assert row["ok"]
    assert "FTP with TLS only" in row["text"]
    assert "directory.yaml: kind" in row["text"]
