"""Which engine makes a model integer: LiteRT's quantizer, or TensorFlow's."""

from __future__ import annotations

from edgeready.errors import UsageError

AUTO, LITERT, TENSORFLOW = "auto", "litert", "tensorflow"
ENGINES = (AUTO, LITERT, TENSORFLOW)
ENGINE_NAMES = {LITERT: "LiteRT", TENSORFLOW: "TensorFlow"}


def check_engine(engine: str) -> None:
    """Raises UsageError unless `engine` is one of ENGINES."""
    if engine not in ENGINES:
        raise UsageError(f"the engine {engine!r} is unknown: use {', '.join(ENGINES)}")
