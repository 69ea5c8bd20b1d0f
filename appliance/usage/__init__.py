"""The one ledger of bytes per account over mail and files (K11); knows no protocol, no rule and no settings."""
