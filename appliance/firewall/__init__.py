"""The WLAN's only ways: its web is led to the proxy, its questions for names to our DNS, all else is refused."""
