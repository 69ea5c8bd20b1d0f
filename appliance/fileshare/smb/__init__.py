"""The drives over SMB: shares as text for Samba, and the door that each session passes."""
