"""Who may command the server: those of the last setup's answers whom this machine knows.

May live here: that one answer. May not: making users, who belong to the machine and not to the school.
"""

from __future__ import annotations

import pwd
from collections.abc import Callable

import yaml

from appliance.setup.questions import Answer, Answers

_ADMINS = "admins"


def carers(last: Answers, exists: Callable[[str], bool] | None = None) -> tuple[Answers, tuple[str, ...]]:
    """Give the answers of the ``last`` setup as they can be given here, and which of the carers this machine lacks."""
    known = exists or _exists
    asked = last.get(_ADMINS)
    if asked is None or not isinstance(asked.node, yaml.SequenceNode):
        return last, ()
    gone = tuple(one.value for one in asked.node.value if not known(one.value))
    if not gone:
        return last, ()
    node = yaml.SequenceNode(
        asked.node.tag, [one for one in asked.node.value if one.value not in gone], flow_style=True
    )
    value = type(asked.value)(one for one in asked.value if one not in gone)
    return {**last, _ADMINS: Answer(node, value)}, gone


def _exists(login: str) -> bool:
    try:
        pwd.getpwnam(login)
    except KeyError:
        return False
    return True
