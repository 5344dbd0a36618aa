"""How results look, for people and as plain data for JSON: one module a command, and nothing else knows it."""
