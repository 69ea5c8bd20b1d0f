"""Internal mail: submission by aiosmtpd, delivery into Maildirs, IMAP from a Dovecot that is rendered here."""
