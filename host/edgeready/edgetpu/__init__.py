"""Runs `edgetpu_compiler` where it is installed, and reads its logs and its compiled files."""

from __future__ import annotations
