"""What is proved of a file: that it is what its mode promises, which runtimes run it, and what it measures."""
