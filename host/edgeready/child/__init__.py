"""TensorFlow's child process: the jobs it is handed, and how it may end."""
