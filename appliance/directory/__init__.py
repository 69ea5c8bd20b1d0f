"""Who is who: the only place that speaks LDAP; one schema table for OpenLDAP and Active Directory; the own slapd."""
