"""Measurements, choices and diagnoses as text and as plain data."""
