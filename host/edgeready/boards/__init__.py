"""Boards that are reached with the OpenSSH client."""
