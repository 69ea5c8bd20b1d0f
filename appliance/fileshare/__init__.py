"""Homes and group folders over FTP with TLS: an adapter round pyftpdlib, the policy, the disk."""
