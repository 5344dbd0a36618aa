"""Each remedy of the readiness rules and of the conformance works: the network that it is for is ready after it.

`remedy_cases.py` writes the networks. A remedy that no network here proves is a proposal and begins with "try".
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from builds import HERE, LONG, NEEDS_TENSORFLOW
from readiness_cases import CASES
from readiness_models import conv, i8, lstm, unary, weights
from tflite_models import one_op

from edgeready.config.modes import MODES
from edgeready.errors import ConversionError
from edgeready.proof.conformance import prove
from edgeready.readiness import ReadinessReport, check_file, operators
from edgeready.readiness.check import RULES, check_graph
from edgeready.readiness.place import Flow, Place
from edgeready.readiness.rule import ModelRule
from edgeready.readiness.whole_model import MODEL_RULES
from edgeready_device.tflite.graph import read_graph

pytestmark = [*NEEDS_TENSORFLOW, LONG, pytest.mark.slow]
NOTE = "note"  # of a rule that decides nothing
RELU = ("unsupported-op", "use keras.layers.ReLU() in place of ")
SWISH = ("unsupported-op", "use ReLU6 or swish (x * sigmoid(x)), and train again")
GELU = ("unknown-op", "use ReLU, ReLU6 or swish (x * sigmoid(x)) and train again")
EXP = ("op-too-new", "leave it to the program that reads the output, or use sigmoid or softmax")
FIXED = "build the model with keras.Input(shape, batch_size=1), copy the weights (set_weights(get_weights())) and "
INTEGER = ("not-quantized", "convert to full integer: set converter.representative_dataset to about 100 images")
ONE_GRAPH = (
    NOTE,
    "use Conv1D in place of recurrent layers, write loops out in Python, leave out tf.cond, ",
)
NORMALIZED = ("unsupported-op", "LayerNormalization or GroupNormalization makes it: use BatchNormalization, ")
SLICES = ("unsupported-op", "use slices: x[:, :, :, a:b]")
ENLARGE = ("unsupported-op", "use Conv2DTranspose or UpSampling2D(interpolation='bilinear')")
ZEROS = ("unsupported-op", "pad with zeros: keras.layers.ZeroPadding2D()")
DENSE = ("op-version", "give Dense a 2-D input (Flatten or GlobalAveragePooling2D before it)")
DIVIDE = (
    "unsupported-op",
    "divide by a number with keras.layers.Rescaling(1 / d); by a positive tensor: x * rsqrt(d) * rsqrt(d)",
)
CONCATENATED = (
    "concatenated-constant",
    "concatenate zeros and add the constant to them (tf.concat([x, zeros], -1) + ",
)
PROVED: dict[str, tuple[str, str]] = {
    "open batch": ("open-batch", FIXED + "convert that"),
    "open batch, converted": ("open-batch", "or use `edgeready convert`, which fixes the batch"),
    "dilated with an open batch": (
        "unsupported-op",
        "a dilated convolution with an open batch becomes this; fix the ",
    ),
    "batch of four": ("rank", FIXED),
    "dynamic range": INTEGER,
    "dynamic range, converted": ("not-quantized", "or use `edgeready convert`"),
    "16-bit activations": INTEGER,
    "float ends": ("float-input", "converter.inference_input_type = tf.uint8"),
    "bytes": ("cast", "take it out of the model, feed uint8 and set converter.inference_input_type = tf.uint8"),
    "cast inside": ("cast", "take it out of the model"),
    "recurrent layer": ONE_GRAPH,
    "loop": ONE_GRAPH,
    "branch": ONE_GRAPH,
    "two signatures": (NOTE, "and convert one signature"),
    "variables": ("constant-weights", "freeze variables before the conversion"),
    "computed weights": ("constant-weights", "use a layer with weights of its own (Conv2D)"),
    "no layers": ("no-ops", "convert a model that has layers"),
    "tensorflow's own op": ("custom-op", "take tf.lite.OpsSet.SELECT_TF_OPS out of target_spec.supported_ops and "),
    "custom op": ("custom-op", "cut the model ahead of it and do this step in the program"),
    "leaky relu": (RELU[0], RELU[1] + "LeakyReLU"),
    "leaky relu, prelu": (RELU[0], "(or PReLU(shared_axes=[1, 2]))"),
    "elu": (RELU[0], RELU[1] + "ELU"),
    "elu layer": (RELU[0], RELU[1] + "ELU"),
    "hard swish": SWISH,
    "hard swish, swish": SWISH,
    "gelu": GELU,
    "gelu, relu6": GELU,
    "selu": EXP,
    "celu": EXP,
    "softplus": EXP,
    "mish": EXP,
    "softsign": ("unsupported-op", "try ReLU or another layer in its place"),
    "exponential": EXP,
    "exponential, sigmoid": EXP,
    "exponential, softmax": EXP,
    "layer normalization": NORMALIZED,
    "group normalization": NORMALIZED,
    "prelu per pixel": ("prelu-alpha", "keras.layers.PReLU(shared_axes=[1, 2]), and train again"),
    "prelu written out": (
        "unsupported-op",
        "a PReLU that was written out makes it: use keras.layers.PReLU(shared_ax",
    ),
    "negation": ("unsupported-op", "multiply by -1 instead: keras.layers.Rescaling(-1)"),
    "largest score": ("unsupported-op", "end the model with the scores and take the largest in the program"),
    "smallest score": ("unsupported-op", "end the model with the scores and take the smallest in the program"),
    "sorted scores": ("unsupported-op", "end the model with the scores and sort them in the program"),
    "softmax of many": ("softmax-size", "end the model with the logits and take the softmax in the program"),
    "division": DIVIDE,
    "division by a tensor": DIVIDE,
    "root": ("unsupported-op", "write the root of a positive x as x * keras.ops.rsqrt(x), which is RSQRT"),
    "absolute value": ("unsupported-op", "try ReLU or another layer in its place"),
    "attention": ("unsupported-op", "attention does not run on an Edge TPU: use convolutions"),
    "unstack": SLICES,
    "gather": SLICES,
    "gather by index": SLICES,
    "unequal parts": ("unsupported-op", "split into equal parts, or use slices: x[:, :, :, a:b]"),
    "unequal parts, equal": ("unsupported-op", "split into equal parts"),
    "depth to space": ENLARGE,
    "depth to space, upsampling": ENLARGE,
    "reflected border": ZEROS,
    "border of ones": ZEROS,
    "broadcast": ("unsupported-op", "add or multiply without it: ADD and MUL broadcast [1, 1, 1, c] by themselves"),
    "groups": ("op-too-new", "version 6 is the grouped convolution: use Conv2D with groups=1"),
    "groups, concatenated": ("op-too-new", "or a Concatenate of ordinary ones"),
    "nearest upsampling": (
        "op-too-new",
        "Keras' UpSampling2D with interpolation='nearest' makes it: use interpolation",
    ),
    "dense on an image": DENSE,
    "dense on an image, pooled": DENSE,
    "five dimensions permuted": ("op-version", "drop the Permute, or keep it to four dimensions"),
    "five dimensions sliced": ("op-version", "slice tensors of at most four dimensions: x[:, a:b, c:d, :]"),
    "a large permutation": ("transpose-size", "keep the image channels-last (NHWC) throughout"),
    "a batch inside": (
        "rank",
        "keep a batch of 1 inside the model: reshape, stack and pad the other dimensions only",
    ),
    "five dimensions": (
        "rank",
        "keep to four dimensions with a batch of 1 (no TimeDistributed, Conv3D or 5-D Reshape",
    ),
    "five dimensions, enlarged": ("rank", "to enlarge an image use Conv2DTranspose or UpSampling2D"),
    "computed shape": ("computed-shape", "give the layer a shape that is known when the model is built: a constant"),
    "dilation": ("depthwise-dilation", "DepthwiseConv2D(..., dilation_rate=1)"),
    "activation in a pool": ("fused-activation", "put the activation on the layer ahead of it"),
    "mean over the batch": ("reduced-batch", "reduce over height, width or channels: keras.layers.GlobalAveragePool"),
    "mean over six channels": ("mean-channels", "use 8 channels"),
    "mean of a large image": ("mean-size", "put AveragePooling2D(4) ahead of GlobalAveragePooling2D"),
    "coordinates": CONCATENATED,
    "coordinates, convolution": (CONCATENATED[0], "or add channels with a convolution"),
    "padded batch": ("padded-batch", "pad height and width: keras.layers.ZeroPadding2D()"),
    "stacked batch": ("packed-batch", "stack along another axis: keras.ops.stack(tensors, axis=-1)"),
    "split batch": (
        "split-batch",
        "keep a batch of 1 in front and split another axis: keras.ops.split(x, n, axis=-1)",
    ),
    "a large resize": ("resize-size", "take a smaller image or fewer channels"),
    "pyramid": ("resize-factor", "add or multiply the one pixel as it is: ADD and MUL broadcast [1, 1, 1, c]"),
    "enlarged by three": ("resize-factor", "enlarge by 2: UpSampling2D(2, interpolation='bilinear')"),
    "shrunk": ("resize-factor", "shrink by 2 with AveragePooling2D(2)"),
    "a large transposed convolution": ("transpose-conv-size", "use fewer filters or a smaller kernel"),
    "a scale for each output": (
        NOTE,
        "for one scale set converter._experimental_disable_per_channel_quantization_fo",
    ),
    "every other pixel": ("slice-strides", "leave out elements with MaxPooling2D(1, strides=2)"),
}
"""The pairs of networks, with the rule that is against the first and the words of its remedy."""

BLOCKED, CURED = "before", "after"
RELU_FILE = unary("RELU", i8("x", 1, 4), i8("y", 1, 4))


def custom(code: str) -> bytes:
    """A file with one custom op."""
    return one_op("CUSTOM", [i8("x", 1, 4)], [i8("y", 1, 4)], custom_code=code)


WRITTEN_BY_HAND: dict[str, tuple[bytes, bytes]] = {
    "lstm-size": (lstm(5, 1000), lstm(5, 900)),
    "already-compiled": (custom("edgetpu-custom-op"), RELU_FILE),
    "unsupported-op": (custom("TFLite_Detection_PostProcess"), RELU_FILE),
    "grouped-convolution": (
        conv(i8("x", 1, 4, 4, 4), weights("w", 2, 1, 1, 2), i8("y", 1, 4, 4, 2)),
        conv(i8("x", 1, 4, 4, 4), weights("w", 2, 1, 1, 4), i8("y", 1, 4, 4, 2)),
    ),
}
NO_INTEGER_FORM = {
    "elu": "it has no 8-bit form; use ReLU or ReLU6 in its place",
    "layer normalization": "it has no 8-bit form; " + NORMALIZED[1],
    "group normalization": "it has no 8-bit form; " + NORMALIZED[1],
    "prelu written out": "it has no 8-bit form; a PReLU that was written out makes it: use ",
    "negation": "it has no 8-bit form; multiply by -1 instead: keras.layers.Rescaling(-1)",
    "selu": "it has no 8-bit form; replace the layer that makes it (Conv2D, DepthwiseConv2D, Dense, ReLU, ",
    "recurrent layer": "use Conv1D in place of recurrent layers",
    "loop": "write loops out in Python",
    "branch": "leave branches out",
    "two signatures": "and convert one signature",
}
"""What the conformance says of the first network of a pair; the second conforms."""

PROPOSED = {
    "elu": "elu has no mapped form: use relu, train again",
    "elu layer": "elu has no mapped form: use relu, train again",
    "gelu": "gelu has no mapped form: swish (silu) comes near, train again",
    "selu": "selu has no mapped form: use relu, train again",
    "celu": "celu has no mapped form: use relu, train again",
    "softplus": "softplus has no mapped form: use relu, train again",
    "softsign": "softsign has no mapped form: use tanh, train again",
    "mish": "mish has no mapped form: use swish (silu), train again",
    "exponential": "exp has no mapped form: leave it to the program that reads the output",
    "layer normalization": "LayerNormalization has no mapped form: use BatchNormalization, train again",
    "group normalization": "GroupNormalization has no mapped form: use BatchNormalization, train again",
    "prelu per pixel": (
        "PReLU with slopes of their own for each pixel is not mapped: use shared_axes=[1, 2], train again"
    ),
}
"""What `edgeready convert` proposes for the layer of the first network of a pair."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("remedies")
    script = [sys.executable, str(HERE / "remedy_cases.py"), str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return path


@cache
def report(folder: Path, name: str, step: str) -> ReadinessReport:
    return check_file(folder / f"{name}.{step}.tflite")


def remedies(report: ReadinessReport, rule: str) -> list[str]:
    """What the report says to do about `rule`."""
    if rule == NOTE:
        return list(report.notes)
    return [cause.remedy for cause in (*report.blockers, *report.risks) if cause.rule == rule]


def prove_file(folder: Path, name: str, step: str) -> None:
    prove(read_graph((folder / f"{name}.{step}.tflite").read_bytes()), MODES["uint8"])


@pytest.mark.parametrize("name", PROVED)
def test_the_network_is_ready_after_the_remedy_of_its_blocker(folder, name):
    rule, words = PROVED[name]
    blocked = report(folder, name, BLOCKED)
    assert blocked.ready == (name == "a scale for each output")
    assert any(words in remedy for remedy in remedies(blocked, rule)), blocked
    cured = report(folder, name, CURED)
    assert cured.verdict == "ready", cured.blockers + cured.risks
    assert not any(words in note for note in cured.notes)


def test_every_pair_of_networks_is_looked_at(folder):
    names = {path.name.split(".")[0] for path in folder.glob("*.before.tflite")}
    assert names == set(PROVED)


@pytest.mark.parametrize("rule", WRITTEN_BY_HAND)
def test_a_file_written_by_hand_is_ready_after_the_remedy(rule):
    blocked, cured = (check_graph(read_graph(data)) for data in WRITTEN_BY_HAND[rule])
    assert [cause.rule for cause in (*blocked.blockers, *blocked.risks)] == [rule]
    assert cured.ready


def test_a_newer_runtime_takes_what_an_older_one_has_not(folder):
    path = folder / "mean over six channels.after.tflite"
    older = check_file(path, runtime=12)
    assert remedies(older, "mean-channels") == ["update libedgetpu on the device"]
    assert report(folder, "mean over six channels", CURED).ready


@pytest.mark.parametrize("name", NO_INTEGER_FORM)
def test_the_network_conforms_after_what_the_refusal_says(folder, name):
    with pytest.raises(ConversionError) as caught:
        prove_file(folder, name, BLOCKED)
    assert NO_INTEGER_FORM[name] in str(caught.value)
    prove_file(folder, name, CURED)


def test_what_is_proposed_for_a_layer_is_what_makes_the_network_ready(folder):
    proposals = json.loads((folder / "proposals.json").read_text("utf-8"))
    assert {name: proposals[name] for name in PROPOSED} == {name: [text] for name, text in PROPOSED.items()}
    assert all(report(folder, name, CURED).ready for name in PROPOSED)


def remedies_in_notes() -> set[str]:
    """The remedies of the rules that decide nothing; a report has them within its notes."""
    rules = {rule.name: rule for rule in (*MODEL_RULES, *RULES)}
    findings = []
    for name, case in CASES.items():
        for graph in (read_graph(data) for data in case.noted):
            flow, rule = Flow(graph), rules[name]
            places = [Place(graph=graph, op=op, flow=flow) for op in graph.ops]
            subjects = [graph] if isinstance(rule, ModelRule) else places
            findings += [finding for subject in subjects for finding in rule.findings(subject)]
    return {finding.remedy for finding in findings}


def all_remedies() -> set[str]:
    """The remedies of all other rules, as far as a synthetic file shows them, and of all operators."""
    files = [data for case in CASES.values() for data in (*case.doubted, *(data for data, _ in case.refused))]
    names = {*operators._INSTEAD, *operators._NEWER} - {"SHAPE"}
    files += [unary(name, i8("x", 1, 4), i8("y", 1, 4), version=99) for name in names]
    files += [unary(name, i8("x", 1, 4), i8("y", 1, 4)) for name in names]
    files.append(custom("FlexErf"))
    reports = [check_graph(read_graph(data)) for data in files]
    return {cause.remedy for report in reports for cause in (*report.blockers, *report.risks)}


def test_every_remedy_is_proved_or_a_proposal(folder):
    reports = [report(folder, name, BLOCKED) for name in PROVED]
    reports += [check_graph(read_graph(blocked)) for blocked, _ in WRITTEN_BY_HAND.values()]
    proved = {cause.remedy for report in reports for cause in (*report.blockers, *report.risks)}
    without_numbers = {re.sub(r"\d+", "0", remedy) for remedy in proved}
    left = {remedy for remedy in all_remedies() if re.sub(r"\d+", "0", remedy) not in without_numbers}
    assert sorted(remedy for remedy in left if "try " not in remedy) == []
    notes = [note for report in reports for note in report.notes]
    noted = remedies_in_notes() - proved
    assert len(noted) == 3
    assert [text for text in noted if "try " not in text and not any(text in note for note in notes)] == []
