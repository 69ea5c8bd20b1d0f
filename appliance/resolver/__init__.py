"""Names for the WLAN's devices, by DNS: dnsmasq with a configuration of its own."""
