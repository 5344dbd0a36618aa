"""What each op of a model costs on this machine."""
