"""What may crash runs in a child process first."""
