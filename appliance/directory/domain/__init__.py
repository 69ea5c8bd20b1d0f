"""The server's own directory as a domain that PCs join: Samba as a domain controller, with its own configuration."""
