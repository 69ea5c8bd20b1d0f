"""The demo school: the whole server on loopback high ports, seeded by the ordinary import, proved by real exchanges."""
