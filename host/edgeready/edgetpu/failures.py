"""Why `edgetpu_compiler` makes nothing of a model, from what it says then."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Failure:
    """What the compiler said when it gave up, what that means, and what to do about it."""

    said: str
    cause: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """The failure as a JSON object."""
        return asdict(self)


_CHECK = "run `edgeready check` on the file: it names the op"
_SMALLER = "use a smaller input"
_KNOWN = (
    (
        r"Model not quantized",
        "the activations are floats",
        "convert to full integer with a representative data set: `edgeready convert` does",
    ),
    (
        r"Didn't find op for builtin opcode '\w{1,60}' version '\d{1,9}'",
        "the op has a version newer than this compiler (TensorFlow 2.6 at most)",
        _CHECK,
    ),
    (r"Op builtin_code out of range: \d{1,9}", "the op came to TFLite after this compiler", _CHECK),
    (
        r"Attempting to use a delegate that only supports static-sized tensors",
        "a shape is computed at run time",
        "fix the batch and every shape: `edgeready convert` does; " + _CHECK,
    ),
    (r"large activation tensors in model", "an activation does not fit the Edge TPU", _SMALLER),
    (r"Internal compiler error", "most often a large input, in versions before 16", _SMALLER),
    (
        r"Encountered unresolved custom op|Regular TensorFlow ops are not supported",
        "a custom or TensorFlow (Flex) op",
        _CHECK,
    ),
    (r"op is not supported on DarwiNN", "an op in a form that the chip has not", _CHECK),
    (
        r"did not finish within the timeout",
        "the compilation took longer than its limit",
        "give edgetpu_compiler a longer --timeout_sec, or " + _SMALLER,
    ),
    (r"Invalid model|Model could not be parsed", "the compiler cannot read the file", _CHECK),
    (r"Compilation failed", "not told", _CHECK),
)


def failure_in(text: str) -> Failure | None:
    """The Failure that `text` tells of, the most telling one first; None where it tells of none."""
    for pattern, cause, remedy in _KNOWN:
        found = re.search(pattern, text)
        if found is not None:
            return Failure(_line(text, found.start()), cause, remedy)
    return None


def _line(text: str, position: int) -> str:
    """The line of `text` around `position`, at most 300 characters of it."""
    start = text.rfind("\n", 0, position) + 1
    return " ".join(text[max(start, position - 100) :].partition("\n")[0][:300].split())
