"""The time for the school's PCs, by NTP: chrony with a configuration of its own."""
