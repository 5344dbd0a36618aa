"""The model files of the device's tests, a function each; run with a FOLDER, this file writes all of them there.

Only this file needs `flatbuffers` and `ai_edge_litert`, and only where EDGEREADY_TEST_MODELS names no folder with
ready-made files (see conftest.py). Answers can be worked out by hand:

`sums` (and its variants) has pixels p0 p1 / p2 p3, and its raw outputs are 10 + p0, 10 + p1 and
10 + (p0 + p1 + p2 + p3) / 4 + 1, real values (raw - 10) / 8. The other runnable ones give their input back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import detector_models
import flatbuffers
import numpy as np
import recurrent_models
from foreign_models import FOREIGN
from tflite_models import O, T, conv_classifier, endless_classifier, rgb_classifier, tflite

MODELS: dict[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        recurrent_models.rnn,
        recurrent_models.sequence_rnn,
        recurrent_models.svdf,
        recurrent_models.lstm,
        recurrent_models.rnn_in_a_branch,
        recurrent_models.resource,
        recurrent_models.noise,
        *FOREIGN,
    )
}
MODELS.update(detector_models.DETECTORS)


def _model(make: Callable[[], bytes]) -> Callable[[], bytes]:
    MODELS[make.__name__] = make
    return make


@_model
def conv() -> bytes:
    return conv_classifier()


@_model
def rgb() -> bytes:
    return rgb_classifier()


@_model
def sums() -> bytes:
    return _sums()


@_model
def sums_zip_end() -> bytes:
    """`sums` with bytes behind its weights that look like the end of a ZIP."""
    return _sums(extra=b"PK\x05\x06" + b"\x01" * 60)


@_model
def sums_listed() -> bytes:
    """`sums` whose metadata lists labels.txt and edgeready.json."""
    return _sums(metadata=_metadata("sums", outputs=[[("labels.txt", "")]], files=["edgeready.json"]))


@_model
def sums_normalized() -> bytes:
    """`sums` whose metadata has (p - 2) / 0.5, which contradicts its range, another label file, no edgeready.json."""
    return _sums(metadata=_metadata("standard", outputs=[[("names.txt", "")]], mean=[2.0], std=[0.5]))


@_model
def sums_bad_metadata() -> bytes:
    return _sums(metadata=b"\x10\0\0\0M001")


@_model
def rank3() -> bytes:
    return _echo((1, 2, 4), "uint8", 1 / 255, 0)


@_model
def echo_rgb() -> bytes:
    return _echo((1, 2, 2, 3), "uint8", 1.0, 0)


@_model
def echo_int8() -> bytes:
    return _echo((1, 2, 2, 1), "int8", 1.0, -128)


@_model
def echo_int16() -> bytes:
    return _echo((1, 2, 2, 1), "int16", 1 / 32768, 0)


@_model
def echo_float() -> bytes:
    return _echo((1, 2, 2, 1), "float32", None, 0)


@_model
def echo_int16_pixels() -> bytes:
    return _echo((1, 2, 2, 1), "int16", 255 / 32767, 0)


@_model
def echo_signed() -> bytes:
    """uint8 whose range is -1 to 0.992, as MobileNets of TensorFlow 1 have it."""
    return _echo((1, 2, 2, 1), "uint8", 1 / 128, 128)


@_model
def echo_torch() -> bytes:
    """uint8 whose range is that of ImageNet's statistics, -2.118 to 2.64."""
    return _echo((1, 2, 2, 3), "uint8", 4.758 / 255, 114)


@_model
def echo_raw() -> bytes:
    return _echo((1, 2, 2, 1), "int32", None, 0, scores="float32")


@_model
def echo_raw_uint8() -> bytes:
    return _echo((1, 2, 2, 1), "uint8", None, 0, scores="float32")


@_model
def echo_nchw() -> bytes:
    return _echo((1, 3, 2, 4), "uint8", 1.0, 0)


@_model
def echo_nchw_or_nhwc() -> bytes:
    return _echo((1, 3, 2, 3), "uint8", 1.0, 0)


@_model
def echo_batch() -> bytes:
    return _echo((3, 2, 2, 1), "uint8", 1.0, 0)


@_model
def sigmoid() -> bytes:
    """The sigmoid of the mean of four pixels; float32, one number."""
    return _one_number(O("LOGISTIC", ["mean"], ["scores"]))


@_model
def sigmoid_logit() -> bytes:
    """The mean of four pixels: one number that may be anything."""
    return _one_number(O("RESHAPE", ["mean", "row"], ["scores"]))


@_model
def sigmoid_uint8() -> bytes:
    """The sigmoid of a uint8 pixel in steps of 1/32, from -4 on."""
    tensors = [T("image", (1, 1, 1, 1), "uint8", 1.0, 0)]
    tensors += [T("row", data=np.array([1, 1], np.int32)), T("flat", (1, 1), "uint8", 1.0, 0)]
    tensors += [T("logit", (1, 1), "uint8", 1 / 32, 128), T("scores", (1, 1), "uint8", 1 / 256, 0)]
    ops = [O("RESHAPE", ["image", "row"], ["flat"]), O("QUANTIZE", ["flat"], ["logit"])]
    ops += [O("LOGISTIC", ["logit"], ["scores"])]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


@_model
def quotient() -> bytes:
    """Float scores x / x: NaN where a pixel is 0."""
    tensors = [T("image", (1, 2, 2, 1), "float32"), T("row", data=np.array([1, 4], np.int32))]
    tensors += [T("flat", (1, 4), "float32"), T("scores", (1, 4), "float32")]
    ops = [O("RESHAPE", ["image", "row"], ["flat"]), O("DIV", ["flat", "flat"], ["scores"])]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


@_model
def pooled() -> bytes:
    """The mean of each channel of 2x2 pixels: features, or the scores of three classes."""
    tensors = [T("image", (1, 2, 2, 3), "uint8", 1.0), T("axes", data=np.array([1, 2], np.int32))]
    tensors.append(T("pool", (1, 3), "uint8", 1.0))
    ops = [O("MEAN", ["image", "axes"], ["pool"])]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["pool"])


@_model
def shares() -> bytes:
    """Each pixel's share of the sum of four: float scores that add up to 1, whose last op is no softmax."""
    tensors = [T("image", (1, 2, 2, 1), "float32"), T("row", data=np.array([1, 4], np.int32))]
    tensors += [T("axis", data=np.array([1], np.int32)), T("flat", (1, 4), "float32")]
    tensors += [T("total", (1, 1), "float32"), T("scores", (1, 4), "float32")]
    ops = [O("RESHAPE", ["image", "row"], ["flat"]), O("SUM", ["flat", "axis"], ["total"], 1, {"keepDims": True})]
    ops.append(O("DIV", ["flat", "total"], ["scores"]))
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


@_model
def squashed() -> bytes:
    """uint8 scores in steps of 1/256 whose last op is no softmax."""
    tensors = [T("image", (1, 2, 2, 1), "uint8", 1.0), T("row", data=np.array([1, 4], np.int32))]
    tensors += [T("flat", (1, 4), "uint8", 1.0), T("scores", (1, 4), "uint8", 1 / 256)]
    ops = [O("RESHAPE", ["image", "row"], ["flat"]), O("CUSTOM", ["flat"], ["scores"], custom_code="NoSuchOp")]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


@_model
def two_scores() -> bytes:
    """Two outputs that run: the four pixels, and the first two of them."""
    tensors = [T("image", (1, 2, 2, 1), "uint8", 1.0), T("row", data=np.array([1, 4], np.int32))]
    tensors += [T("pairs", data=np.array([2, 2], np.int32)), T("lines", (2, 2), "uint8", 1.0)]
    tensors += [T("first", data=np.array([1], np.int32)), T("features", (1, 4), "uint8", 1.0)]
    tensors += [T("scores", (1, 2), "uint8", 1.0)]
    ops = [O("RESHAPE", ["image", "row"], ["features"]), O("RESHAPE", ["image", "pairs"], ["lines"])]
    ops += [O("GATHER", ["lines", "first"], ["scores"])]
    outputs = ["features", "scores"]
    metadata = _metadata("two", outputs=[[("features.txt", "")], [("scores.txt", ""), ("scores_en.txt", "en")]])
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=outputs, metadata={"TFLITE_METADATA": metadata})


@_model
def sums_localized() -> bytes:
    """`sums` whose metadata names a label file, and the display names of two locales."""
    files = [("ids.txt", ""), ("names_de.txt", "de"), ("names_en.txt", "en")]
    return _sums(metadata=_metadata("sums", outputs=[files]))


@_model
def sums_agreeing() -> bytes:
    """`sums` whose metadata says what the input's range says, too: pixels as they are."""
    return _sums(metadata=_metadata("sums", outputs=[], mean=[0.0], std=[1.0]))


@_model
def torch_metadata() -> bytes:
    """`echo_torch` whose metadata has ImageNet's statistics."""
    metadata = _metadata("torch", outputs=[], mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    return _echo((1, 2, 2, 3), "uint8", 4.758 / 255, 114, metadata=metadata)


@_model
def float_metadata() -> bytes:
    """`echo_float` whose metadata has the normalization (p - 2) / 0.5."""
    return _echo((1, 2, 2, 1), "float32", None, 0, metadata=_metadata("float", outputs=[], mean=[2.0], std=[0.5]))


@_model
def two_inputs() -> bytes:
    return _ends([("a", (1, 4)), ("b", (1, 4))], [("y", (1, 4))])


@_model
def two_outputs() -> bytes:
    return _ends([("x", (1, 2, 2, 1))], [("y", (1, 4)), ("z", (1, 4))])


@_model
def map_output() -> bytes:
    return _ends([("x", (1, 2, 2, 3))], [("y", (1, 2, 2, 3))])


@_model
def one_class() -> bytes:
    return _ends([("x", (1, 2, 2, 1))], [("y", (1, 1))])


@_model
def flat_input() -> bytes:
    return _ends([("x", (1, 4))], [("y", (1, 4))])


@_model
def batch_of_two() -> bytes:
    return _ends([("x", (2, 2, 2, 1))], [("y", (1, 4))])


@_model
def four_channels() -> bytes:
    return _ends([("x", (1, 2, 2, 4))], [("y", (1, 16))])


@_model
def no_pixels() -> bytes:
    return _ends([("x", (1, 0, 2, 1))], [("y", (1, 4))])


@_model
def int32_input() -> bytes:
    return _ends([("x", (1, 2, 2, 1))], [("y", (1, 4))], dtype="int32")


@_model
def no_scale() -> bytes:
    return _ends([("x", (1, 2, 2, 1))], [("y", (1, 4))], scale=None)


@_model
def zero_scale() -> bytes:
    return _ends([("x", (1, 2, 2, 1))], [("y", (1, 4))], scale=0.0)


@_model
def per_axis_end() -> bytes:
    return _ends([("x", (1, 2, 2, 3))], [("y", (1, 12))], scale=[0.1, 0.2, 0.3])


@_model
def unknown_op() -> bytes:
    """A classifier by its ends whose only op no runtime has."""
    tensors = [T("x", (1, 2, 2, 1), "uint8", 1.0), T("y", (1, 4), "uint8", 1.0)]
    return tflite(
        tensors=tensors, ops=[O("CUSTOM", ["x"], ["y"], custom_code="NoSuchOp")], inputs=["x"], outputs=["y"]
    )


@_model
def compiled() -> bytes:
    """A classifier by its ends whose only op is the Edge TPU compiler's."""
    tensors = [T("x", (1, 2, 2, 1), "uint8", 1.0), T("y", (1, 4), "uint8", 1.0)]
    ops = [O("CUSTOM", ["x"], ["y"], custom_code="edgetpu-custom-op")]
    return tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["y"])


@_model
def wide() -> bytes:
    """`conv` for images [1, 32, 32, 3]: large enough that a runtime's threads share it."""
    return conv_classifier(size=32, channels=3)


@_model
def float_sums() -> bytes:
    """Two real inputs and two outputs, which the file lists in another order than its tensors."""
    tensors = [T(name, (1, 4), "float32") for name in ("a", "b", "sum", "difference")]
    ops = [O("ADD", ["a", "b"], ["sum"]), O("SUB", ["b", "a"], ["difference"])]
    return tflite(tensors=tensors, ops=ops, inputs=["b", "a"], outputs=["difference", "sum"])


@_model
def aborting() -> bytes:
    """An ADD of int8 without scales, which LiteRT ends the process for."""
    tensors = [T(name, (1, 4)) for name in ("a", "b", "sum")]
    return tflite(tensors=tensors, ops=[O("ADD", ["a", "b"], ["sum"])], inputs=["a", "b"], outputs=["sum"])


@_model
def endless() -> bytes:
    return endless_classifier()


@_model
def misfit() -> bytes:
    """A classifier by its ends whose RESHAPE makes 5 values of 4."""
    shape = T("shape", data=np.array([1, 5], np.int32))
    tensors = [T("x", (1, 2, 2, 1), "uint8", 1.0), shape, T("y", (1, 5), "uint8", 1.0)]
    return tflite(tensors=tensors, ops=[O("RESHAPE", ["x", "shape"], ["y"])], inputs=["x"], outputs=["y"])


@_model
def look_up() -> bytes:
    """A classifier whose scores are entries of a table of 200, by the pixels: a brighter one fails in the run."""
    tensors = [
        T("image", (1, 2, 2, 1), "uint8", 1.0),
        T("places", (1, 2, 2, 1), "int32"),
        T("table", data=np.arange(200, dtype=np.float32)),
        T("entries", (1, 2, 2, 1), "float32"),
        T("shape", data=np.array([1, 4], np.int32)),
        T("scores", (1, 4), "float32"),
    ]
    ops = [
        O("CAST", ["image"], ["places"]),
        O("GATHER", ["table", "places"], ["entries"], options={"axis": 0}),
        O("RESHAPE", ["entries", "shape"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


@_model
def enormous() -> bytes:
    """A classifier of a kilobyte whose FILL makes 4 GiB, of a shape that no file states: it is computed."""
    tensors = [
        T("image", (1, 2, 2, 1), "uint8", 1.0),
        T("pixels", (1, 2, 2, 1), "int32"),
        T("four", data=np.array([4], np.int32)),
        T("row", (4,), "int32"),
        T("large", data=np.array([1, 4, 1 << 14, 1 << 14], np.int32)),
        T("dims", (4,), "int32"),
        T("value", data=np.array(0.5, np.float32)),
        T("filled", (1, 4, 1, 1), "float32", signature=(-1, -1, -1, -1)),
        T("axes", data=np.array([2, 3], np.int32)),
        T("scores", (1, 4), "float32"),
    ]
    ops = [
        O("CAST", ["image"], ["pixels"]),
        O("RESHAPE", ["pixels", "four"], ["row"]),
        O("ADD", ["row", "large"], ["dims"]),
        O("FILL", ["dims", "value"], ["filled"]),
        O("MEAN", ["filled", "axes"], ["scores"], options={"keepDims": False}),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def _sums(metadata: bytes | None = None, extra: bytes | None = None) -> bytes:
    weights = np.array([[64, 0, 0, 0], [0, 64, 0, 0], [16, 16, 16, 16]], np.int8)
    tensors = [
        T("image", (1, 2, 2, 1), "uint8", 1.0, 0),
        T("image_int8", (1, 2, 2, 1), "int8", 1.0, -128),
        T("flatten/shape", data=np.array([1, 4], np.int32)),
        T("flatten", (1, 4), "int8", 1.0, -128),
        T("weights", data=weights, scale=1 / 512),
        T("bias", data=np.array([0, 0, 64], np.int32), scale=1 / 512),
        T("logits_int8", (1, 3), "int8", 1 / 8, 10 - 128),
        T("logits", (1, 3), "uint8", 1 / 8, 10),
    ]
    ops = [
        O("QUANTIZE", ["image"], ["image_int8"]),
        O("RESHAPE", ["image_int8", "flatten/shape"], ["flatten"]),
        O("FULLY_CONNECTED", ["flatten", "weights", "bias"], ["logits_int8"], 4),
        O("QUANTIZE", ["logits_int8"], ["logits"]),
    ]
    entries = {**({"TFLITE_METADATA": metadata} if metadata else {}), **({"extra": extra} if extra else {})}
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["logits"], metadata=entries)


def _echo(
    shape: tuple[int, ...],
    dtype: str,
    scale: float | None,
    zero_point: int,
    *,
    scores: str | None = None,
    metadata: bytes | None = None,
) -> bytes:
    """The pixels of each frame of the batch, as `dtype` or cast to `scores`."""
    row = (shape[0], int(np.prod(shape[1:])))
    flat = "scores" if scores is None else "flat"
    tensors = [
        T("image", shape, dtype, scale, zero_point),
        T("shape", data=np.array(row, np.int32)),
        T(flat, row, dtype, scale, zero_point),
    ]
    ops = [O("RESHAPE", ["image", "shape"], [flat])]
    if scores is not None:
        tensors.append(T("scores", row, scores))
        ops.append(O("CAST", [flat], ["scores"]))
    entries = {"TFLITE_METADATA": metadata} if metadata else {}
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"], metadata=entries)


def _one_number(last: O) -> bytes:
    tensors = [T("image", (1, 2, 2, 1), "float32"), T("flat_shape", data=np.array([1, 4], np.int32))]
    tensors += [T("flat", (1, 4), "float32"), T("axis", data=np.array([1], np.int32))]
    tensors += [
        T("row", data=np.array([1, 1], np.int32)),
        T("mean", (1, 1), "float32"),
        T("scores", (1, 1), "float32"),
    ]
    ops = [
        O("RESHAPE", ["image", "flat_shape"], ["flat"]),
        O("MEAN", ["flat", "axis"], ["mean"], 1, {"keepDims": True}),
    ]
    return tflite(tensors=tensors, ops=[*ops, last], inputs=["image"], outputs=["scores"])


def _ends(
    inputs: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[tuple[str, tuple[int, ...]]],
    dtype: str = "uint8",
    scale: float | Sequence[float] | None = 1.0,
) -> bytes:
    """A model that is refused for its ends, so that its ops do not matter."""
    axis, last = (3, scale[0]) if isinstance(scale, list) else (0, scale)
    tensors = [T(name, shape, dtype, scale, axis=axis) for name, shape in inputs]
    tensors += [T(name, shape, dtype, last) for name, shape in outputs]
    names, results = [name for name, _ in inputs], [name for name, _ in outputs]
    ops = [O("CUSTOM", names[:1], results, custom_code="NoSuchOp")]
    return tflite(tensors=tensors, ops=ops, inputs=names, outputs=results)


def _metadata(
    name: str,
    *,
    outputs: Sequence[Sequence[tuple[str, str]]],
    files: Sequence[str] = (),
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
) -> bytes:
    """Standard TFLite Metadata, written by hand after metadata_schema.fbs 1.5; label files and locales by output."""
    builder = flatbuffers.Builder(256)
    tables = []
    for labels in outputs:
        named = [(builder.CreateString(file), builder.CreateString(locale)) for file, locale in labels]
        entries = [_table(builder, [(0, file), (2, "Int8", 2), (3, locale)]) for file, locale in named]
        tables.append(_table(builder, [(6, _vector(builder, entries))]))
    given = _vector(builder, tables)
    units = []
    if mean:
        options = _table(builder, [(0, _floats(builder, mean)), (1, _floats(builder, std))])
        units = [_table(builder, [(0, "Uint8", 1), (1, options)])]
    taken = _vector(builder, [_table(builder, [(4, _vector(builder, units))])])
    subgraph = _vector(builder, [_table(builder, [(2, taken), (3, given)])])
    listed = _vector(builder, [_table(builder, [(0, builder.CreateString(file))]) for file in files])
    text = builder.CreateString(name)
    builder.Finish(_table(builder, [(0, text), (3, subgraph), (6, listed)]), b"M001")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, fields: Sequence[tuple]) -> int:
    builder.StartObject(8)
    for number, *value in fields:
        if len(value) == 1:
            builder.PrependUOffsetTRelativeSlot(number, value[0], 0)
        else:
            getattr(builder, f"Prepend{value[0]}Slot")(number, value[1], 0)
    return builder.EndObject()


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    return builder.CreateNumpyVector(np.array(values, np.float32))


def write_models(folder: Path) -> None:
    """Writes every model to `folder` as NAME.tflite."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in MODELS.items():
        (folder / f"{name}.tflite").write_bytes(make())


if __name__ == "__main__":
    write_models(Path(sys.argv[1]))
