"""schoolserver: the server in a German school building. See ARCHITECTURE.md for the house."""
