"""Side by side with the peers: one command, ratios. Not a test: nothing here decides whether a build passes."""
