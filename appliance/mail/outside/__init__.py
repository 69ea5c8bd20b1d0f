"""Mail across the school's border: the way in by relays, the spool and its way out through the smarthost (K08, K34)."""
