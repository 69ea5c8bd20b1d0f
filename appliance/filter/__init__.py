"""The web filter's lists, compiled into one file that all workers map (K13); to whom what is closed, policy says."""
