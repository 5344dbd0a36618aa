"""What must hold of a .tflite file before a C++ runtime sees it; `verification.verified_graph` asks all of it."""
