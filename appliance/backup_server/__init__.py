"""The second machine's half of the backup: it takes in what changed, makes snapshots of it, and keeps them."""
