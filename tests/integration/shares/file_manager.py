"""A Linux file manager without its window: libsmbclient, on which those of GNOME and KDE stand.

``file_manager.py LOGIN PASSWORD`` runs inside of the domain's network and answers each line, a JSON list of an action
and its arguments (paths below the server, in clear), by what came out: ["list", path], ["put", path, text], ["get",
path], ["rename", old, new], ["folder", path], ["remove", path], ["remove-folder", path], ["mode", path, bits].
"""

import json
import os
import sys
from urllib.parse import quote

import smbc


def main(login: str, password: str) -> None:
    context = smbc.Context(auth_fn=lambda *_: ("SCHULE", login, password))
    context.optionNoAutoAnonymousLogin = True

    def url(path: str) -> str:
        return f"smb://server/{quote(path)}"

    def put(path: str, text: str) -> None:
        file = context.open(url(path), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o777)
        file.write(text.encode())
        file.close()

    actions = {
        "list": lambda path: sorted({one.name for one in context.opendir(url(path)).getdents()} - {".", ".."}),
        "put": put,
        "get": lambda path: context.open(url(path), os.O_RDONLY).read().decode(),
        "rename": lambda old, new: context.rename(url(old), url(new)),
        "folder": lambda path: context.mkdir(url(path), 0o777),
        "remove": lambda path: context.unlink(url(path)),
        "remove-folder": lambda path: context.rmdir(url(path)),
        "mode": lambda path, bits: context.chmod(url(path), bits),
    }
    for line in sys.stdin:
        action, *arguments = json.loads(line)
        try:
            answer = actions[action](*arguments)
        except (OSError, RuntimeError, ValueError) as error:  # smbc.Error is a RuntimeError
            answer = {"error": type(error).__name__, "number": error.args[0] if error.args else 0}
        print(json.dumps(answer if isinstance(answer, (str, list, dict)) else True), flush=True)


main(*sys.argv[1:])
