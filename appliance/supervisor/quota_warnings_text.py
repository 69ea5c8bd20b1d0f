"""What somebody reads whose space is nearly full, in the school's language. Pure.

May live here: words. May not: when they are sent and how they travel (``quota_warnings``). The mail goes to the owner
alone.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.supervisor.alerts_text import Letter

_SUBJECT = "Your space is filled to more than {share} %"
_NEARLY = (
    "Your mail and your files at school take up {used} MB of the {quota} MB that you have. When all of it is used, you "
    "get no more mail and can store no more files."
)
_WHAT_TO_DO = (
    "Please delete what you no longer need: large mails first, in the folders Sent and Trash too, and files on your "
    "drive. Mail that is only marked as deleted still counts until your mail program removes it."
)
_ONCE = "This mail comes once, and again only when there was room in between."
_MB = 10**6


def nearly_full(share: int, used: int, quota: int, translate: Callable[[str], str]) -> Letter:
    """Write to somebody who has ``used`` more than ``share`` percent of ``quota`` (bytes)."""
    figures = {"share": share, "used": round(used / _MB), "quota": round(quota / _MB)}
    parts = [translate(_NEARLY).format(**figures), translate(_WHAT_TO_DO), translate(_ONCE)]
    return Letter(translate(_SUBJECT).format(**figures), "\n\n".join(parts) + "\n")
