"""Pure rules: no socket, no file, no clock (``now`` is an argument); imports nothing of ours but itself."""
