"""What a converter means when it gives up, in one sentence: from its exit code and its log."""

from __future__ import annotations

import re
import signal

from edgeready.errors import ConversionError, ConverterCrashError, fit_reason

SAFE = "replace the layer (Conv2D, DepthwiseConv2D, Dense, ReLU, pooling, Add are safe)"
UNROLL = "build recurrent layers (LSTM, GRU) again with unroll=True (docs/quantization.md)"
_LOOP = re.compile(r"(tf\.)?TensorList")  # ops of the loop that Keras and tf.map_fn write
_MOST_OPS = 3  # in a message; chosen: the layers behind them are looked for one at a time
_FLOAT = ("converting", "float32", "dynamic", "float16")  # "converting" is the stage of the float32 file
_FRAME = re.compile(r'  File ".*", line \d+, in ')  # of a Python traceback
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
            f"{engine}'s converter crashed ({name}) on this model: {UNROLL}, or use layers of docs/edge-tpu.md"
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
            return ConversionError(fit_reason("TFLite has no ", _list_ops(named), f": {SAFE}, {ways}"))
        return ConversionError(fit_reason("the converter has no 8-bit form of ", _list_ops(named), f": {SAFE}"))
    return ConversionError(
        fit_reason(
            f"{engine}'s converter refuses the model: ",
            last_line(log),
            "; try another --mode, or ask --debug for all",
        )
    )


def _list_ops(names: list[str]) -> str:
    """Returns the first three of `names`, and how many more there are."""
    more = f" and {len(names) - _MOST_OPS} more" if len(names) > _MOST_OPS else ""
    return ", ".join(names[:_MOST_OPS]) + more


def last_line(log: str) -> str:
    """Returns the line of `log` that says how it ended: the first of a Python exception at its end, else the last."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    frames = [place for place, line in enumerate(lines) if _FRAME.match(line)]
    ending = [line for line in lines[frames[-1] + 1 :] if not line[0].isspace()] if frames else []
    if ending:  # a message of several lines may begin in the second
        return " ".join(ending[:2]) if ending[0].endswith(":") else ending[0]
    return lines[-1].strip() if lines else "it said nothing"
