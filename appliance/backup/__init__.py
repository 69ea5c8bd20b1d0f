"""The nightly copy in a second place: what is wanted, how rsync is asked for it, and the way back to an owner."""
