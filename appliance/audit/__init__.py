"""The one writer of the log of use: services send it events over a socket and never wait for it."""
