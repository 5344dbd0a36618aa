"""The best network for a budget: which candidates fit it, which of them are worth training, what is known so far."""
