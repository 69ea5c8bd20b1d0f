"""What every service means by being signed in."""
