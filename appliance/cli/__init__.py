"""The command line: one file per noun; it reaches a running server through the control API only."""
