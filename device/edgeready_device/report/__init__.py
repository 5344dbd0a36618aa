"""How results look, as text for people and as plain data for JSON: one module a verb, and nothing else knows it."""
