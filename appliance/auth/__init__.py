"""The one process that checks passwords, for every service."""
