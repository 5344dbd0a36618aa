"""TFLite runtimes and delegates, opened with their own messages held back."""
