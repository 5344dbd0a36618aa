"""What a converter means when it gives up, in one sentence: from its exit code and its log."""

from __future__ import annotations

import re
import signal

from edgeready.errors import ConversionError, ConverterCrashError, reason_of

SAFE = "replace the layer (Conv2D, DepthwiseConv2D, Dense, BatchNormalization, ReLU, pooling, Add are safe)"
UNROLL = "build recurrent layers (LSTM, GRU) again with unroll=True and the same weights (docs/quantization.md)"
_LOOP = re.compile(r"(tf\.)?TensorList")  # ops of the loop that Keras and tf.map_fn write
_FLOAT = ("converting", "float32", "dynamic", "float16")  # "converting" is the stage of the float32 file
_NO_MEMORY = re.compile("ResourceExhausted|OOM when allocating|MemoryError|bad_alloc|Unable to allocate")


def starved(log: str) -> bool:
    """Whether `log` tells that the memory ran out, for which no layer is to blame."""
    return _NO_MEMORY.search(log) is not None


def refusal(code: int, log: str, mode: str = "uint8", *, engine: str = "TensorFlow") -> ConversionError:
    """The ConversionError for a converter that ended with `code` (negative: a signal) after printing `log`.

    `engine` is whose converter it is.
    """
    if code < 0:
        name = signal.Signals(-code).name
        return ConverterCrashError(
            f"{engine}'s converter crashed ({name}) on this model; loops do this: {UNROLL}, or {SAFE}"
        )
    ops = re.findall(r"'(tfl?\.\w+)' op", log) or re.findall(r"not yet supported for op: '?(\w+)", log)
    ops += re.findall(r"^\s*tf\.(\w+)\(", log, re.MULTILINE)
    if ops:
        named = [op for op in dict.fromkeys(ops) if f"tf.{op}" not in ops]
        if any(_LOOP.match(op) for op in named):
            return ConversionError(
                f"a loop of the model has no TFLite form: {UNROLL}, or write the loop out in Python"
            )
        if mode in _FLOAT:
            ways = "or let them in with --select-tf-ops, which no pip runtime runs"
            return ConversionError(f"TFLite has no {', '.join(named)}: {SAFE}, {ways}")
        return ConversionError(f"the converter has no 8-bit form of {', '.join(named)}: {SAFE}")
    return ConversionError(f"{engine}'s converter refuses the model: {last_line(log)}")


def last_line(log: str) -> str:
    """The last line of `log` that says something, cut to what fits a message."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return reason_of(lines[-1]) if lines else "it said nothing"
