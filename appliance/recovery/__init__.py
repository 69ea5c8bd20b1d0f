"""The way back after the server is lost: from a fresh Debian with our packages and the recovery sheet to the school."""
