"""From the values to Dovecot's text: pure, and compared with golden trees by the tests.

May live here: which language a version speaks, and the Lua script. May not: files, processes, settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from appliance.mail.imap.engine import OUR_LINES, Engine, Unusable
from appliance.mail.imap.render_23 import text_23
from appliance.mail.imap.render_24 import text_24

_LANGUAGES: Mapping[str, Callable[[Engine], str]] = {"2.3": text_23, "2.4": text_24}
_BOUNDS: Mapping[str, str] = {
    "2.3": 'largest = "quota_max_mail_size", space = "quota_rule2", bytes = "*:bytes=%d"',
    "2.4": 'largest = "quota_mail_size", space = "quota_storage_size", bytes = "%dB"',
}
"""How each calls what one mailbox may hold."""

# Dovecot 2.3 takes a connection of this very machine for as safe as TLS, whatever its settings say; a password must not
# learn to travel in clear there either (K06). And 2.4 wants a string, not a table, with whatever is no success.
_AROUND = """
local verify, show, lookup = auth_password_verify, auth_passdb_lookup, auth_userdb_lookup

function auth_password_verify(request, password)
  if request.secured ~= "TLS" then
    return dovecot.auth.PASSDB_RESULT_USER_DISABLED, ""
  end
  local result, fields = verify(request, password)
  return result, result == dovecot.auth.PASSDB_RESULT_OK and fields or ""
end

function auth_passdb_lookup(request)
  if request.secured ~= "TLS" then
    return dovecot.auth.PASSDB_RESULT_USER_DISABLED, ""
  end
  local result, fields = show(request)
  return result, result == dovecot.auth.PASSDB_RESULT_OK and fields or ""
end

function auth_userdb_lookup(request)
  local result, fields = lookup(request)
  return result, result == dovecot.auth.USERDB_RESULT_OK and fields or ""
end
"""


def language_of(version: str) -> str:
    """Give the language (``2.3``, ``2.4``) of what ``dovecot --version`` said. Raise :class:`Unusable` for others."""
    found = re.match(r"\d+\.\d+", version)
    if found is None or found.group() not in _LANGUAGES:
        raise Unusable(f"Dovecot {version.split(' ')[0]} is not known here; known: {', '.join(_LANGUAGES)}")
    return found.group()


def configuration(engine: Engine, language: str) -> str:
    """Give the text of ``dovecot.conf`` for ``language``."""
    return _LANGUAGES[language](engine)


def lua_script(engine: Engine, language: str, hook: str) -> str:
    """Give the Lua script: our values, ``hook`` (the text of ``auth/dovecot/auth.lua``), and what is around it."""
    return (
        "-- Made by schoolserver; changes are lost.\n"
        f'schoolserver = {{ socket = "{engine.auth_socket}", uid = {engine.uid}, gid = {engine.gid}, '
        f'mail = "{engine.mail}",\n  lines = {OUR_LINES}, {_BOUNDS[language]} }}\n\n{hook}{_AROUND}'
    )
