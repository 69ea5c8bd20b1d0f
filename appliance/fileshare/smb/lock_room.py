"""Room in smbd's own tables: the limit on an smbd's files is one on the tables that all smbds share, too.

May live here: growing them beforehand. May not: what is in them. An smbd that may make no file larger than a table is
cannot make that table grow: its next open file ends it. So each table gets free space at once (tdb gives a removed
record back to its free list); smbd empties the tables whenever it starts, so it is looked at again at each sign-in.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

_MIB: Final = 1 << 20
_TABLES: Final = {
    "locking.tdb": 8 * _MIB,
    "smbXsrv_open_global.tdb": 8 * _MIB,
    "brlock.tdb": 2 * _MIB,
    "leases.tdb": 2 * _MIB,
    "smbXsrv_session_global.tdb": _MIB,
    "smbXsrv_tcon_global.tdb": _MIB,
    "smbXsrv_client_global.tdb": _MIB,
    "gencache.tdb": _MIB,
}
"""Bytes of each: a record of an open file takes about 900 in the first two, so there is room for 9,000 of them."""
_MUTEXES: Final = 4096  # TDB_MUTEX_LOCKING, which the module does not name
_KEY: Final = b"schoolserver room\0"


def make_room(folder: Path) -> int:
    """Let the tables in Samba's lock folder ``folder`` have room; how many were grown. Blocks; raises ``OSError``."""
    small = [path for name, size in _TABLES.items() if (path := folder / name).exists() and path.stat().st_size < size]
    for path in small:
        table = _opened(path)
        try:
            table.store(_KEY, bytes(_TABLES[path.name]))
            table.delete(_KEY)
        except RuntimeError as error:  # what tdb raises for whatever it could not do
            raise OSError(f"{path.name}: {error}") from error
        finally:
            table.close()
    return len(small)


def _opened(path: Path) -> Any:
    """Open a table as smbd does; imported late: only a domain has it."""
    import tdb

    for more in (_MUTEXES, 0):
        try:
            return tdb.Tdb(str(path), 0, tdb.CLEAR_IF_FIRST | more, os.O_RDWR)
        except OSError as error:
            problem = error
    raise problem
