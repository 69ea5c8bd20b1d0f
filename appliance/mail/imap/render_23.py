"""``dovecot.conf`` for Dovecot 2.3 (Debian 12). May live here: text only; ``render_24`` says the same."""

from __future__ import annotations

from appliance.mail.imap.engine import FULL, HOST_NAME, Engine
from appliance.mail.imap.sockets import SOCKETS


def text_23(engine: Engine) -> str:
    """Give the whole file; each part says its reason."""
    names = engine.names
    worker = f"  user = {names.internal}\n  extra_groups = {names.services}\n" if names.services else ""
    return f"""\
# Made by schoolserver from its settings; changes are lost.
base_dir = {engine.base}
state_dir = {engine.state}
instance_name = schoolserver
protocols = imap
listen = {engine.imap.host}
default_internal_user = {names.internal}
default_internal_group = {names.group}
default_login_user = {names.login}

# The journal carries no logins, addresses or file names (K16).
log_path = /dev/stderr
log_timestamp =
login_log_format = %$
login_log_format_elements =
mail_log_prefix = "imap(%p): "
imap_id_log =
auth_verbose = no
verbose_proctitle = no
login_greeting = Ready.

# Dovecot takes in its environment when it starts, and not when keys come later and it reads this file again. What
# it says to clients when it fails must not name this machine then either.
import_environment = $import_environment DOVECOT_HOSTNAME={HOST_NAME} \\
  KRB5_CONFIG={engine.kerberos} KRB5RCACHENAME=file2:{engine.replays}

# All transfer is encrypted (K06).
ssl = required
ssl_cert = <{engine.tls}/cert.pem
ssl_key = <{engine.tls}/key.pem
ssl_min_protocol = TLSv1.2
ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20
disable_plaintext_auth = yes

# The password service decides, and slows down who guesses; Dovecot's own penalty would hit a whole class room.
auth_mechanisms = {_mechanisms(engine)}
auth_username_format = %Lu
auth_worker_max_count = 16
passdb {{
  driver = lua
  args = file={engine.script} blocking=yes
}}
userdb {{
  driver = lua
  args = file={engine.script} blocking=yes
}}
service auth-worker {{
{worker}}}
{_tickets(engine)}service anvil {{
{_chroot(names.chroot)}  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}

# Mailboxes, all owned by one id that owns nothing else.
first_valid_uid = {engine.uid}
last_valid_uid = {engine.uid}
first_valid_gid = {engine.gid}
last_valid_gid = {engine.gid}
mail_location = maildir:~
mail_temp_dir = {engine.mail}/.tmp
# After a power cut what Dovecot has noted is whole, or it opens the box only at the second attempt.
mail_fsync = always

# Whatever a mail program puts there is no larger than what it may send (K12); how large that is, and how much the box
# may hold (K11), says the password service for each who signs in. Here stands the largest of all.
# Empty messages and folders are a load on the disk, too: who has very many folders loses the right to make more.
mail_plugins = quota acl
plugin {{
  quota = count:Mailbox
  quota_vsizes = yes
  quota_exceeded_message = {FULL}
  quota_max_mail_size = {engine.largest}
  quota_rule = *:messages={engine.messages_max}
  acl = vfile:{engine.full}:cache_secs=1
  acl_globals_only = yes
}}

namespace inbox {{
  inbox = yes
  separator = /
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
protocol imap {{
  mail_plugins = $mail_plugins imap_quota
  mail_max_userip_connections = 10
}}

# A few processes greet everybody: a process for each stranger would be an easy way to fill the memory.
service imap-login {{
{_chroot(names.chroot)}  service_count = 0
  process_min_avail = 1
  process_limit = 4
  inet_listener imap {{
    address = {engine.imap.host}
    port = {engine.imap.port}
  }}
  inet_listener imaps {{
{_imaps(engine)}  }}
}}
service ipc {{
{_chroot(names.chroot)}}}
{SOCKETS}"""


def _chroot(wanted: bool) -> str:
    """Shutting in takes root; without it the line switches Dovecot's default off."""
    return "" if wanted else "  chroot =\n"


def _imaps(engine: Engine) -> str:
    """Without a socket handed in: off, as Dovecot would open its usual port."""
    if engine.imaps is None:
        return "    port = 0\n"
    return f"    address = {engine.imaps.host}\n    port = {engine.imaps.port}\n    ssl = yes\n"


def _mechanisms(engine: Engine) -> str:
    return "plain login gssapi" if engine.tickets else "plain login"


def _tickets(engine: Engine) -> str:
    """Tickets, where there is a keytab."""
    if engine.tickets is None:
        return ""
    return f"""
# Who has logged on at a PC shows a ticket; the password service says to whom mail is open, and whose a ticket may be.
auth_gssapi_hostname = "$ALL"
auth_krb5_keytab = {engine.tickets}

"""
