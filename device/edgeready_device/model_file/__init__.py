"""The model file: the flatbuffer, and the parts in the ZIP behind it."""
