"""Results as text for people and as pictures: a module for each command, which nothing below it imports."""
