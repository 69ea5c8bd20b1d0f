"""Import of the roster files that schools have: read, plan, apply. See docs/handbook/accounts.md."""
