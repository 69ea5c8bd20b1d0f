"""A PC that stays in a share: runs inside of the domain's network, and answers each line by one.

``pc.py CONFIG USER PASSWORD SHARE``; commands are JSON lists: ["list"], ["put", "/local/file", "name"], ["remove",
"name"], ["hold", count] (opens so many new files and keeps them), ["grow", "/local/file"] (into the first one held, at
its beginning), ["again"] (signs in anew). The answer is JSON: what
came out, or {"error": text}.
"""

import json
import sys
from pathlib import Path

from samba import param
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.samba3 import libsmb_samba_internal as libsmb
from samba.samba3 import param as s3param

READ_WRITE, ALL, OPEN_OR_MAKE = 0x12019F, 7, 3
BLOCK = 1 << 16


def opened(connection: libsmb.Conn, name: str) -> int:
    return connection.create(name, DesiredAccess=READ_WRITE, ShareAccess=ALL, CreateDisposition=OPEN_OR_MAKE)


def put(connection: libsmb.Conn, data: bytes, name: str) -> None:
    """Write block after block: several at once make libsmb end the connection when one is cut short."""
    file = opened(connection, name)
    try:
        write(connection, file, data)
    finally:
        connection.close(file)


def write(connection: libsmb.Conn, file: int, data: bytes) -> None:
    for start in range(0, len(data), BLOCK):
        connection.write(file, data[start : start + BLOCK], start)


def main() -> None:
    config, user, password, share = sys.argv[1:]
    loaded = s3param.get_context()
    loaded.load(config)
    credentials = Credentials()
    credentials.guess(param.LoadParm())
    credentials.set_username(user)
    credentials.set_password(password)
    credentials.set_domain("SCHULE")
    credentials.set_kerberos_state(DONT_USE_KERBEROS)
    connection, held = None, []
    for line in sys.stdin:
        command, *rest = json.loads(line)
        answer: object = True
        try:
            if command == "again":
                connection = None
            if connection is None:
                connection = libsmb.Conn("server", share, loaded, credentials)
            if command == "list":
                answer = [entry["name"] for entry in connection.list("\\")]
            elif command == "put":
                put(connection, Path(rest[0]).read_bytes(), rest[1])
            elif command == "remove":
                connection.unlink(rest[0])
            elif command == "grow":
                write(connection, held[0], Path(rest[0]).read_bytes())
            elif command == "hold":
                for number in range(rest[0]):
                    held.append(opened(connection, f"held{number}"))
        except Exception as error:  # whatever it is, the test is told
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


main()
