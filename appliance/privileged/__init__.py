"""The one process that is root: a closed table of typed verbs, no network, one caller."""
