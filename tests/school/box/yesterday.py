#!/usr/bin/python3
"""On the server of a domain: the password of LOGIN becomes one of yesterday, as only the database itself can say it.

It stands alone: python3-samba and the standard library.
"""

import sys
import time

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

_AS_OF_WHEN = "local_oid:1.3.6.1.4.1.7165.4.3.20:0"
_DAY, _SINCE_1601 = 24 * 3600, 11_644_473_600

login = sys.argv[1]
lp = LoadParm()
lp.load("/var/lib/schoolserver/domain/smb.conf")
sam = SamDB(lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
then = (int(time.time()) - _DAY + _SINCE_1601) * 10**7
entry = f"CN={login},OU=people,DC=schule,DC=example"
sam.modify_ldif(f"dn: {entry}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: {then}\n", controls=[_AS_OF_WHEN])
