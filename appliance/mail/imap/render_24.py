"""``dovecot.conf`` for Dovecot 2.4 (Debian 13). May live here: text only; ``render_23`` says the same."""

from __future__ import annotations

from appliance.mail.imap.engine import FULL, HOST_NAME, Engine
from appliance.mail.imap.sockets import SOCKETS


def text_24(engine: Engine) -> str:
    """Give the whole file; each part says its reason."""
    names = engine.names
    chroot = "" if names.chroot else "  chroot =\n"
    worker = f"  user = {names.internal}\n  extra_groups = {names.services}\n" if names.services else ""
    return f"""\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
# Made by schoolserver from its settings; changes are lost.
base_dir = {engine.base}
state_dir = {engine.state}
instance_name = schoolserver
protocols {{
  imap = yes
}}
listen = {engine.imap.host}
default_internal_user = {names.internal}
default_internal_group = {names.group}
default_login_user = {names.login}

# The journal carries no logins, addresses or file names (K16).
log_path = /dev/stderr
log_timestamp =
login_log_format = %{{message}}
login_log_format_elements =
mail_log_prefix = "imap(%{{process:pid}}): "
auth_verbose = no
verbose_proctitle = no
login_greeting = Ready.

# Dovecot takes in its environment when it starts, and not when keys come later and it reads this file again. What
# it says to clients when it fails must not name this machine then either.
import_environment {{
  DOVECOT_HOSTNAME = {HOST_NAME}
  KRB5_CONFIG = {engine.kerberos}
  KRB5RCACHENAME = file2:{engine.replays}
}}

# All transfer is encrypted (K06).
ssl = required
ssl_server_cert_file = {engine.tls}/cert.pem
ssl_server_key_file = {engine.tls}/key.pem
ssl_min_protocol = TLSv1.2
ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20
auth_allow_cleartext = no

# The password service decides, and slows down who guesses; Dovecot's own penalty would hit a whole class room.
auth_mechanisms = {_mechanisms(engine)}
auth_username_format = %{{user | lower}}
passdb lua {{
  lua_file = {engine.script}
  use_worker = yes
}}
userdb lua {{
  lua_file = {engine.script}
  use_worker = yes
}}
service auth-worker {{
{worker}  process_limit = 16
}}
{_tickets(engine)}service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}

# Mailboxes, all owned by one id that owns nothing else.
first_valid_uid = {engine.uid}
last_valid_uid = {engine.uid}
first_valid_gid = {engine.gid}
last_valid_gid = {engine.gid}
mail_driver = maildir
mail_path = ~
mail_temp_dir = {engine.mail}/.tmp
# After a power cut what Dovecot has noted is whole, or it opens the box only at the second attempt.
mail_fsync = always

# Whatever a mail program puts there is no larger than what it may send (K12); how large that is, and how much the box
# may hold (K11), says the password service for each who signs in. Here stands the largest of all.
# Empty messages and folders are a load on the disk, too.
mail_plugins {{
  quota = yes
}}
quota_mail_size = {engine.largest}
quota_message_count = {engine.messages_max}
quota_mailbox_count = {engine.mailboxes_max}
quota_exceeded_message = {FULL}
quota Mailbox {{
  driver = count
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
  mail_plugins {{
    imap_quota = yes
  }}
  mail_max_userip_connections = 10
}}

# A few processes greet everybody: a process for each stranger would be an easy way to fill the memory.
service imap-login {{
{chroot}  restart_request_count = unlimited
  process_min_avail = 1
  process_limit = 4
  inet_listener imap {{
    listen = {engine.imap.host}
    port = {engine.imap.port}
  }}
  inet_listener imaps {{
{_imaps(engine)}  }}
}}
{SOCKETS}"""


def _imaps(engine: Engine) -> str:
    """Without a socket handed in: off, as Dovecot would open its usual port."""
    if engine.imaps is None:
        return "    port = 0\n"
    return f"    listen = {engine.imaps.host}\n    port = {engine.imaps.port}\n    ssl = yes\n"


def _mechanisms(engine: Engine) -> str:
    return "plain login gssapi" if engine.tickets else "plain login"


def _tickets(engine: Engine) -> str:
    """Tickets, where there is a keytab."""
    if engine.tickets is None:
        return ""
    return f"""
# Who has logged on at a PC shows a ticket; the password service says to whom mail is open, and whose a ticket may be.
auth_gssapi_hostname = $ALL
auth_krb5_keytab = {engine.tickets}

"""
