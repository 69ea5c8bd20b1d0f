"""K02 for every way in which a password is set in the domain: Samba runs this before it takes one.

Standard input is the password, the environment says whose (SAMBA_CPS_ACCOUNT_NAME, _USER_PRINCIPAL_NAME, _FULL_NAME),
the argument is a file with the school's names, a line each. Exit 0: it may be; 1: it may not. Nothing is ever printed.
It runs for each change, so it imports the rule and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from appliance.policy.passwords import problems


def main(argv: list[str], environment: Mapping[str, str]) -> int:
    """Judge what stands on standard input; return the exit code."""
    password = sys.stdin.buffer.read(65536).decode("utf-8", "surrogateescape")
    with open(argv[0], encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs a third of the start
        school = file.read().splitlines()
    login = environment.get("SAMBA_CPS_USER_PRINCIPAL_NAME", "").partition("@")[0]
    names = [environment.get(f"SAMBA_CPS_{name}", "") for name in ("ACCOUNT_NAME", "FULL_NAME")]
    return 1 if problems(password, login, [name for name in names if name], school) else 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:], os.environ)
    except Exception:  # a traceback could show the password; what cannot be judged is refused
        code = 2
    raise SystemExit(code)
