"""The machine at hand: what it is, and the state that it is in."""
