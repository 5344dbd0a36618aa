"""Image files and cameras as frames of the size that a model takes."""
