"""Which of Dovecot's sockets are for Dovecot only. May live here: text that is the same in all its versions."""

# Dovecot opens these to every user of the machine: whoever connects learns who has a mailbox, or keeps it busy. Only
# its own processes need them, most of them only with modules that are not in use here.
SOCKETS = """\

# No other user of this machine may talk to Dovecot behind its back.
service auth {
  unix_listener auth-userdb {
    mode = 0600
  }
}
service dns-client {
  unix_listener dns-client {
    mode = 0600
  }
}
service imap-urlauth-login {
  unix_listener imap-urlauth {
    mode = 0600
  }
}
service indexer {
  unix_listener indexer {
    mode = 0600
  }
}
"""
