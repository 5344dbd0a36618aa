"""Makes integers of a float32 .tflite: what every engine does alike, and the LiteRT engine."""
