"""The .tflite format: flatbuffer, schema, graph, ZIP and arrays, bounds-checked."""
