"""What an inference takes: stages, verdicts, and the comparison of two measurements."""
