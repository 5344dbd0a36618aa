"""This machine: what it is, and the state that it is in."""
