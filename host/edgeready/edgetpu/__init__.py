"""What `edgetpu_compiler` itself leaves behind: its log, its compiled files; and how to run it where it is."""

from __future__ import annotations
