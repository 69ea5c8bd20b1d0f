"""Files that a service has not finished: how they are called, and for how long they are kept.

May live here: what all have to know who write, show, count or remove them. May not: any of that.
"""

from __future__ import annotations

from typing import Final

UNFINISHED: Final = ".schoolserver-upload-"
"""How the names of such files begin; nobody is shown them, and they count like any other."""

KEPT_FOR: Final = 86_400.0
"""Seconds since something was last written to it, for which its owner can go on with one."""
