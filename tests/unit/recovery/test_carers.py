"""Who may command the restored server: whom this machine knows."""

import yaml

from appliance.recovery.carers import carers
from appliance.setup.questions import Answer


def _answer(*logins):
    nodes = [yaml.ScalarNode("tag:yaml.org,2002:str", login) for login in logins]
    return Answer(yaml.SequenceNode("tag:yaml.org,2002:seq", nodes, flow_style=True), logins)


def test_who_is_known_here_may():
    last = {"admins": _answer("anna", "kurt"), "other": _answer("x")}
    answers, gone = carers(last, lambda login: login == "anna")
    assert gone == ("kurt",)
    assert answers["admins"].value == ("anna",)
    assert [node.value for node in answers["admins"].node.value] == ["anna"]
    assert answers["other"] is last["other"]


def test_where_all_are_known_nothing_changes():
    last = {"admins": _answer("anna")}
    assert carers(last, lambda _: True) == (last, ())
    assert carers({}, lambda _: False) == ({}, ())
