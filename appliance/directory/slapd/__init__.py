"""The server's own directory without a domain: OpenLDAP with a configuration and a database of its own."""
