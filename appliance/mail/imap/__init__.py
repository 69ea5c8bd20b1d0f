"""IMAP: Dovecot with files rendered by us; it signs in through the password service and serves our Maildirs."""
