"""Delays for who guesses passwords at the domain's own doors (LDAP, Kerberos, SMB), which go round auth's throttle."""
