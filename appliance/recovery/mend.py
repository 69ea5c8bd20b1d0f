"""What came back otherwise than it was signed is made harmless before anybody can sign in.

May live here: owner and mode as the manifest has them, and taking away what it does not know. May not: content; a
damaged file is better than none. Whoever broke into the backup server gains no file that runs as root by this.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.recovery.compare import Difference

_SHUT = 0o700


def mend(difference: Difference, folder: Path) -> None:
    """Mend it in the ``folder`` of its part; raises ``OSError``. No link is on the way: the path was walked."""
    wanted, found = difference.wanted, difference.found
    if found is None:
        return
    path = folder / os.fsdecode(difference.path)
    if wanted is None or wanted.kind != found.kind:
        if found.kind == "d":
            os.chown(path, 0 if os.geteuid() == 0 else -1, -1)
            path.chmod(_SHUT)
        else:
            path.unlink()
        return
    if (wanted.uid, wanted.gid) != (found.uid, found.gid) and os.geteuid() == 0:
        os.lchown(path, wanted.uid, wanted.gid)
    if wanted.kind != "l" and (wanted.mode, wanted.uid, wanted.gid) != (found.mode, found.uid, found.gid):
        path.chmod(wanted.mode)
