"""Reads trained models: one module for each kind of file."""

from __future__ import annotations

from edgeready.tf.sources.network import Network
from edgeready.tf.sources.reading import load_source

__all__ = ["Network", "load_source"]
