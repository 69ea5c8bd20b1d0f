"""What every daemon shares and that knows nothing about schools; imports none of ours but itself."""
