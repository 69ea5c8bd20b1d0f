"""Puts the LDIF from standard input into a domain's database that nobody uses: ``fill_domain.py SAM.LDB``.

A program of its own, because it lives in Samba's libraries.
"""

from __future__ import annotations

import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

if __name__ == "__main__":
    options = LoadParm()
    options.load_default()
    database = SamDB(url=sys.argv[1], session_info=system_session(), lp=options)
    database.transaction_start()
    database.add_ldif(sys.stdin.read())
    database.transaction_commit()
