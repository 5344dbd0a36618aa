"""How results look, as text for people and as plain data for JSON; nothing else knows it."""
