"""The manual page on the Edge TPU, made from the rules: python -m edgeready.readiness.manual > docs/edge-tpu.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from edgeready.readiness.check import RULES
from edgeready.readiness.compiler_table import (
    DATA_TYPE,
    MAPPED,
    RANK,
    SUBGRAPH,
    UNSPECIFIED,
    UNSUPPORTED,
    VERSION,
    status_phrase,
)
from edgeready.readiness.evidence import FILE, Evidence, Observation
from edgeready.readiness.notes import CACHE_MISSES, CACHE_MODELS
from edgeready.readiness.operators import RUNTIMES, VERSIONS, WITHOUT_FILE
from edgeready.readiness.rewrites import SENTENCES
from edgeready.readiness.rule import ModelRule, Rule
from edgeready.readiness.whole_model import MODEL_RULES

_MOST_OPS = 6  # chosen: a cell of the table stays on one line
_HEAD = """\
# Edge TPU

<!-- Written by `python -m edgeready.readiness.manual`; a test compares. Change the rules, not this file. -->

`edgeready check FILE...` predicts from a `.tflite` file alone which of its ops Google's `edgetpu_compiler` 16.0
(2021, the last one; closed source, x86-64 Linux only) maps to the Edge TPU. It is a prediction: only the compiler
proves it, and `edgeready compile FILE` runs it where there is one.

An op is mapped when no rule below speaks against it and no op above it was refused. One kind of refusal is forgiven:
QUANTIZE of a float input and CAST at the entrance of the graph stay on the CPU, what follows is mapped all the same.
"{subgraph}" is what the compiler says of everything downstream of a refused op: that is never
the cause.

An op between the largest example that was seen mapped and the smallest that was seen refused is **uncertain**, and
so is one that Coral's table of operations forbids and no compiled model shows. A model with uncertain ops and no
refused one is "probably ready", never "ready": `check` ends with exit code 0 and a line on standard error, with
`--strict` with exit code 1; `build` and `convert` accept it with a warning. In SARIF and GitHub annotations an
uncertain op is a warning, a refused one an error.

`check` names the cause: op, layer, tensor, the rule, the remedy, how many multiply-accumulates and
parameter bytes depend on it, and how many of them the Edge TPU would take over if it alone were cleared.

## Commands

| command | what it does |
|---|---|
| `edgeready check model.tflite` | the predicted table, blockers and cost; exit code 1 when an op stays on the CPU |
| `edgeready check model.tflite --strict` | the same; exit code 1 also when an op is uncertain |
| `edgeready check model.tflite --runtime 13` | the same for an older Edge TPU runtime on the device (10 to 14) |
| `edgeready check *.tflite --format sarif` | SARIF 2.1.0 for code scanning; `--format github` writes annotations |
| `edgeready check model_edgetpu.log` | what the compiler said, from its log or from its standard output in a file |
| `edgeready check model_edgetpu.tflite` | its packages; exit 0 if all is compiled and `--runtime` is new enough |
| `edgeready compile model.tflite` | runs `edgetpu_compiler`, puts labels and metadata back, compares |

The tests of `compile` run a stand-in for `edgetpu_compiler` that writes output in the form of public logs; the real
one could not be had where this was written, nor could a container image with it.

## Cost

Multiply-accumulates are those of convolutions, dense layers, transposed convolutions, matrix products and LSTMs;
other ops count none, and still take time: two resizes without any took about 40 % of the time of a model with 82.9 %
of its multiply-accumulates on the Edge TPU. So the cost also has the ops that are left to the CPU and the elements
that they read and write.

Parameters are taken to grow by a tenth when they are compiled, and about 7.5 MiB of them to stay in the Edge TPU's
memory; what is beyond is streamed at each inference. The compiler also streams when its program or a large activation
takes the memory, which this estimate does not see: {misses} of {models} public compiled models that were predicted to
fit stream parameters all the same.

## Rewrites

`edgeready build` and `edgeready convert` rewrite layers that the Edge TPU has no form for, where the result stays the
same (`--no-fix` leaves them as they are), and fix the batch at 1. The rewritten model's float outputs are compared
with those of the original on eight calibration images; when they differ, the conversion is refused.

{rewrites}

What would change the results (GELU, ELU, LayerNormalization, PReLU with slopes for each pixel and the like) is only
proposed.

`benchmarks/keras_applications.py` converted the 40 architectures of keras.applications with random weights at the
smallest input that they take (32x32, Xception 71x71, the two Inceptions 75x75). Predicted ready, with rewrites,
35: MobileNet, MobileNetV2, MobileNetV3 (2), EfficientNet (B0 to B7), EfficientNetV2 (7), DenseNet (3), NASNet (2),
ResNet and ResNetV2 (6), VGG (2), Xception, InceptionV3, InceptionResNetV2. Not ready, 4: ConvNeXtTiny, Small, Base
and Large (GELU and LayerNormalization). ConvNeXtXLarge took more than the 24 GiB of memory that the machine had. At
224x224 MobileNetV2, MobileNetV3Small, EfficientNetB0 and B2, NASNetMobile and DenseNet121 were ready. One of each of
these families (at 224x224 four of them) was converted again with the verdict uncertain: none has an uncertain op.

## Rules

An op's first finding, in this order, is its verdict; one that refuses counts before one that is uncertain. **Stops**
means that the compiler makes nothing at all, or maps no op; **uncertain** that it is not known what it does; **note**
that the rule decides nothing. The other rules leave the op, and what depends on it, on the CPU. Beside each rule
stands what it was read off: the largest example that was seen mapped and the smallest that was seen refused, in
compiled files, in compiler logs, or only in reports to Google. "Documented" is Coral's table of operations.

"""
_EFFECTS = {"stops": "**Stops**", "doubts": "**uncertain**", "notes": "**note**"}
_SHORT = {
    DATA_TYPE: "data type",
    RANK: "rank",
    UNSPECIFIED: "unspecified",
    UNSUPPORTED: "not supported",
    VERSION: "version",
}


def write_manual() -> str:
    """The manual page as Markdown."""
    return _HEAD.format(
        subgraph=SUBGRAPH,
        misses=CACHE_MISSES,
        models=CACHE_MODELS,
        rewrites="\n".join(f"- {sentence}" for sentence in SENTENCES.values()),
    ) + "\n".join([*_rules(), "", *_operations(), ""])


def _rules() -> Iterator[str]:
    yield "| rule | ops | sentence | the compiler says | seen mapped | seen refused |"
    yield "|---|---|---|---|---|---|"
    for whole in MODEL_RULES:
        yield f"| `{whole.name}` | whole model | {whole.sentence} | {_status(whole)} | {_examples(whole.evidence)} |"
    for rule in RULES:
        yield f"| `{rule.name}` | {_ops(rule)} | {rule.sentence} | {_status(rule)} | {_examples(rule.evidence)} |"
    yield ""
    yield "In full, the compiler's words are:"
    yield ""
    yield "| short | in the compiler's table |"
    yield "|---|---|"
    for phrase, short in _SHORT.items():
        yield f"| {short} | {phrase} |"


def _status(rule: Rule | ModelRule) -> str:
    return _EFFECTS[rule.effect] if rule.effect in _EFFECTS else _SHORT[status_phrase(rule.name)]


def _examples(evidence: Evidence) -> str:
    """Two cells of the table: the mapped example, and the refused one with what is documented."""
    documented = f"documented: {evidence.documented}" if evidence.documented else ""
    refused = [text for text in (_example(evidence.refused), documented) if text]
    return f"{_example(evidence.mapped) or '-'} | {'; '.join(refused) or '-'}"


def _example(observation: Observation | None) -> str:
    return "" if observation is None else observation.text()


def _ops(rule: Rule) -> str:
    names = sorted(rule.ops)
    if not names:
        return "all"
    return ", ".join(names) if len(names) <= _MOST_OPS else f"{len(names)} ops"


def _operations() -> Iterator[str]:
    yield "## Operations"
    yield ""
    yield f'The ops that can be "{MAPPED}". A file with a version above the second number is not read at all.'
    yield ""
    yield "The oldest runtime is that of Coral's table, except where the stamps in compiled files speak against it:"
    yield "QUANTIZE, LSTM and REDUCE_MAX were mapped in files that ask for runtime 12."
    yield ""
    yield "| op | newest version mapped | newest version read | oldest Edge TPU runtime | seen in |"
    yield "|---|---|---|---|---|"
    for name, (mapped, read) in sorted(VERSIONS.items()):
        record = WITHOUT_FILE.get(name, FILE) or "Coral's table only"
        yield f"| {name} | {mapped} | {read} | {RUNTIMES.get(name, 'any')} | {record} |"


if __name__ == "__main__":
    sys.stdout.write(write_manual())
