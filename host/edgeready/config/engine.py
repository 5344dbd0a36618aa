"""Which engine makes a model integer: LiteRT's quantizer, or TensorFlow's."""

from __future__ import annotations

from edgeready.errors import UsageError

AUTO, LITERT, TENSORFLOW = "auto", "litert", "tensorflow"
ENGINES = (AUTO, LITERT, TENSORFLOW)
ENGINE_NAMES = {LITERT: "LiteRT", TENSORFLOW: "TensorFlow"}
PACKAGES = {LITERT: "ai-edge-litert", TENSORFLOW: "tensorflow"}
"""What pip calls the package of each engine."""
TRY_LITERT = "use --engine litert"
"""The remedy in a message of TensorFlow's engine; where the engine is left open, it is tried before it is said.

No other refusal is tried again with LiteRT: measured, of 53 networks of one op each it makes none that TensorFlow's
engine refuses.
"""


def check_engine(engine: str) -> None:
    """Raises UsageError unless `engine` is one of ENGINES."""
    if engine not in ENGINES:
        raise UsageError(f"the engine {engine!r} is unknown: use {', '.join(ENGINES)}")
