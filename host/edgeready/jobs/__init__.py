"""Work for the TensorFlow process: what goes there, what comes back, and how the process may end."""
