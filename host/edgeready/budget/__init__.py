"""The accuracy budget: which methods are tried in which order, and whether a drop is real."""
