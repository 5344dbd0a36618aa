"""What is written: the one file with its parts, whole or not at all."""
