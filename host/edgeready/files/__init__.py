"""Files on disk: written whole or not at all, locks, and folders that are removed again."""
