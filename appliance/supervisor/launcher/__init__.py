"""Plays systemd's part where there is none: starts the same programs with the same protocols as children."""
