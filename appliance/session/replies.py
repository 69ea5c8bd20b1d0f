"""How a service tells what stands against something, in a protocol of lines: from obstacle to code and text.

May live here: the shape of such a table, and texts about the account itself, which are the same everywhere. May not:
codes and the other texts, which are each protocol's own (its ``replies``). Texts are short, blame nobody and name
nobody; a refusal ends with the code that ``schoolserver why`` resolves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from appliance.policy.decision import Reason
from appliance.session.obstacle import Hitch, Obstacle

Translate = Callable[[str], str]


def mark(text: str) -> str:
    """Mark ``text`` for translation (see ``locale/``); imported as ``_``."""
    return text


_ = mark

ACCOUNT_TEXTS: Mapping[Reason, str] = {
    Reason.UNKNOWN_ACCOUNT: _("This account is not known."),
    Reason.DISABLED: _("This account is closed."),
    Reason.LOCKED: _("This account is locked."),
    Reason.MUST_CHANGE: _("Please set a password of your own first; until then nothing else is open."),
}


@dataclass(frozen=True, slots=True)
class Column:
    """What is told at one stage of a conversation.

    A refusal has the code of its reason, or ``other``, and the text of its reason, or that of NOT_OPEN, which must be
    there; a hitch has a whole line.
    """

    other: str
    texts: Mapping[Reason, str]
    hitches: Mapping[Hitch, str]
    codes: Mapping[Reason, str] = field(default_factory=dict)

    def line(self, obstacle: Obstacle, translate: Translate) -> str:
        """Give the reply line (without its end) that tells ``obstacle``."""
        why = obstacle.why
        if isinstance(why, Hitch):
            return translate(self.hitches[why])
        text = translate(self.texts.get(why, self.texts[Reason.NOT_OPEN]))
        return f"{self.codes.get(why, self.other)} {text}{f' (code {obstacle.code})' if obstacle.code else ''}"
