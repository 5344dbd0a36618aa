"""TFLite runtimes and delegates, opened without the messages that they write about themselves."""
