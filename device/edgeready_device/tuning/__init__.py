"""The fastest runtime and threads on this machine, found by measuring."""
