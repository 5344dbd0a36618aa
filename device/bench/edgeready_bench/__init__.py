"""Measures, compares, tunes and diagnoses what edgeready-device runs; the verbs of `edgeready-device` that do so."""
