"""Writes the corpus that fuzzing starts from: `python tests/fuzz/make_corpus.py` fills tests/fuzz/corpus.

One small classifier an operator, so that each rule and each kernel is reached; logs, metadata and images besides.
Needs flatbuffers, ai_edge_litert and Pillow; the fuzzing itself does not.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "host"))

import numpy as np
from tflite_models import O, T, conv_classifier, tflite

CORPUS = Path(__file__).parent / "corpus"
SHAPE = (1, 8, 8, 3)
SCALE, ZERO = 0.05, -128


def around(
    name: str,
    extra: Sequence[T],
    inputs: Sequence[str],
    made: Sequence[tuple[int, ...]],
    options: dict | None = None,
    version: int = 1,
    scale: float = SCALE,
    zero: int = ZERO,
    dtype: str = "int8",
) -> bytes:
    """A classifier whose middle is one op `name`: image, QUANTIZE, the op, RESHAPE, FULLY_CONNECTED, QUANTIZE."""
    outputs = [T(f"made{i}", shape, dtype, scale, zero) for i, shape in enumerate(made)]
    flat = int(np.prod(made[0]))
    weights = np.random.default_rng(3).integers(-127, 128, (4, flat), dtype=np.int8)
    tensors = [
        T("image", SHAPE, "uint8", SCALE, 0),
        T("x", SHAPE, "int8", SCALE, ZERO),
        *extra,
        *outputs,
        T("flat/shape", data=np.array([1, flat], np.int32)),
        T("flat", (1, flat), dtype, scale, zero),
        T("weights", data=weights, scale=0.01),
        T("bias", data=np.zeros(4, np.int32), scale=scale * 0.01),
        T("scores_int8", (1, 4), "int8", 0.1, 0),
        T("scores", (1, 4), "uint8", 0.1, 128),
    ]
    ops = [
        O("QUANTIZE", ["image"], ["x"]),
        O(name, inputs, [output.name for output in outputs], version, options or {}),
        O("RESHAPE", ["made0", "flat/shape"], ["flat"]),
        O("FULLY_CONNECTED", ["flat", "weights", "bias"], ["scores_int8"], 4),
        O("QUANTIZE", ["scores_int8"], ["scores"]),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def numbers(name: str, *values: int | Sequence[int]) -> T:
    return T(name, data=np.array(values, np.int32))


def weighted(shape: tuple[int, ...], axis: int) -> list[T]:
    """int8 weights per axis and a bias for an input of scale SCALE."""
    channels = shape[axis]
    values = np.random.default_rng(5).integers(-127, 128, shape, dtype=np.int8)
    scales = [0.01] * channels
    bias = T("op/bias", data=np.zeros(channels, np.int32), scale=[SCALE * 0.01] * channels)
    return [T("op/weights", data=values, scale=scales, axis=axis), bias]


def windows() -> dict[str, bytes]:
    stride = {"strideW": 2, "strideH": 2}
    window = {**stride, "filterWidth": 2, "filterHeight": 2}
    with_bias = ["x", "op/weights", "op/bias"]
    back = [numbers("size", 1, 16, 16, 2), weighted((2, 2, 2, 3), 0)[0]]
    return {
        "conv": around("CONV_2D", weighted((4, 3, 3, 3), 0), with_bias, [(1, 4, 4, 4)], stride, 3),
        "conv_valid": around(
            "CONV_2D", weighted((4, 3, 3, 3), 0), with_bias, [(1, 3, 3, 4)], {**stride, "padding": 1}, 3
        ),
        "depthwise": around(
            "DEPTHWISE_CONV_2D", weighted((1, 3, 3, 6), 3), with_bias, [(1, 4, 4, 6)],
            {**stride, "depthMultiplier": 2}, 3,
        ),
        "average_pool": around("AVERAGE_POOL_2D", [], ["x"], [(1, 4, 4, 3)], window, 2),
        "max_pool": around("MAX_POOL_2D", [], ["x"], [(1, 4, 4, 3)], window, 2),
        "transpose_conv": around("TRANSPOSE_CONV", back, ["size", "op/weights", "x"], [(1, 16, 16, 2)], stride, 1),
    }  # fmt: skip


def moves() -> dict[str, bytes]:
    crops = [numbers("begin", 0, 1, 1, 0), numbers("size", 1, 6, 6, 3)]
    strided = [numbers("begin", 0, 1, 1, 0), numbers("end", 1, 7, 7, 3), numbers("strides", 1, 2, 2, 1)]
    pads = [numbers("pads", (0, 0), (1, 1), (2, 0), (0, 0))]
    joined = {"axis": 3}
    one = T("axis", data=np.array(3, np.int32))
    return {
        "batch_matmul": around(
            "BATCH_MATMUL", [T("right", data=np.ones((1, 1, 3, 2), np.int8), scale=0.01)], ["x", "right"],
            [(1, 8, 8, 2)],
        ),
        "concatenation": around("CONCATENATION", [], ["x", "x"], [(1, 8, 8, 6)], joined, 2),
        "depth_to_space": around(
            "DEPTH_TO_SPACE", [T("c", data=np.zeros((1, 4, 4, 4), np.int8), scale=SCALE, zero_point=ZERO)], ["c"],
            [(1, 8, 8, 1)], {"blockSize": 2}, 2,
        ),
        "expand_dims": around("EXPAND_DIMS", [one], ["x", "axis"], [(1, 8, 8, 1, 3)]),
        "gather": around("GATHER", [numbers("places", 0, 2, 7)], ["x", "places"], [(1, 3, 8, 3)], {"axis": 1}, 2),
        "mean": around("MEAN", [numbers("axes", 1, 2)], ["x", "axes"], [(1, 1, 1, 3)], {"keepDims": True}, 2),
        "mirror_pad": around("MIRROR_PAD", pads, ["x", "pads"], [(1, 10, 10, 3)], {"mode": 0}, 2),
        "pack": around("PACK", [], ["x", "x"], [(1, 8, 8, 2, 3)], {"axis": 3, "valuesCount": 2}, 2),
        "pad": around("PAD", pads, ["x", "pads"], [(1, 10, 10, 3)], {}, 2),
        "reduce_max": around("REDUCE_MAX", [numbers("axes", 1, -1)], ["x", "axes"], [(1, 8)], {}, 2),
        "resize_bilinear": around(
            "RESIZE_BILINEAR", [numbers("size", 4, 4)], ["x", "size"], [(1, 4, 4, 3)], {"halfPixelCenters": True}, 3
        ),
        "resize_nearest": around(
            "RESIZE_NEAREST_NEIGHBOR", [numbers("size", 16, 16)], ["x", "size"], [(1, 16, 16, 3)], {}, 3
        ),
        "slice": around("SLICE", crops, ["x", "begin", "size"], [(1, 6, 6, 3)], {}, 2),
        "space_to_depth": around("SPACE_TO_DEPTH", [], ["x"], [(1, 4, 4, 12)], {"blockSize": 2}, 2),
        "split": around("SPLIT", [one], ["axis", "x"], [(1, 8, 8, 1)] * 3, {"numSplits": 3}, 2),
        "split_v": around(
            "SPLIT_V", [numbers("sizes", 2, 1), one], ["x", "sizes", "axis"], [(1, 8, 8, 2), (1, 8, 8, 1)],
            {"numSplits": 2}, 2,
        ),
        "squeeze": around("SQUEEZE", [], ["x"], [(8, 8, 3)], {"squeezeDims": [0]}),
        "strided_slice": around("STRIDED_SLICE", strided, ["x", "begin", "end", "strides"], [(1, 3, 3, 3)], {}, 2),
        "sum": around("SUM", [numbers("axes", 1, 2)], ["x", "axes"], [(1, 3)], {}, 2),
        "tile": around("TILE", [numbers("times", 1, 2, 1, 1)], ["x", "times"], [(1, 16, 8, 3)], {}, 2),
        "transpose": around("TRANSPOSE", [numbers("order", 0, 3, 1, 2)], ["x", "order"], [(1, 3, 8, 8)], {}, 2),
        "unpack": around("UNPACK", [], ["x"], [(1, 8, 8)] * 3, {"axis": 3, "num": 3}, 2),
    }  # fmt: skip


def arithmetic() -> dict[str, bytes]:
    values = np.arange(3, dtype=np.int8)
    other = T("other", data=values.reshape(1, 1, 1, 3), scale=0.1)
    found = {
        name.lower(): around(name, [other], ["x", "other"], [SHAPE], {}, 2, 0.1, 0)
        for name in ("ADD", "SUB", "MUL")
    }  # fmt: skip
    found |= {
        name.lower(): around(name, [T("same", data=values.reshape(1, 1, 1, 3), scale=SCALE, zero_point=ZERO)],
                             ["x", "same"], [SHAPE], {}, 2)
        for name in ("MAXIMUM", "MINIMUM")
    }  # fmt: skip
    slope = T("slope", data=values.reshape(1, 1, 3), scale=0.1)
    return {
        **found,
        "prelu": around("PRELU", [slope], ["x", "slope"], [SHAPE], {}, 1, 0.1, 0),
        "leaky_relu": around("LEAKY_RELU", [], ["x"], [SHAPE], {"alpha": 0.1}, 2, 0.1, 0),
        "relu": around("RELU", [], ["x"], [SHAPE], {}, 2),
        "relu6": around("RELU6", [], ["x"], [SHAPE], {}, 2),
        "hard_swish": around("HARD_SWISH", [], ["x"], [SHAPE]),
        "logistic": around("LOGISTIC", [], ["x"], [SHAPE], {}, 2, 1 / 256, -128),
        "tanh": around("TANH", [], ["x"], [SHAPE], {}, 2, 1 / 128, 0),
        "softmax": around("SOFTMAX", [], ["x"], [SHAPE], {"beta": 1.0}, 2, 1 / 256, -128),
        "log_softmax": around("LOG_SOFTMAX", [], ["x"], [SHAPE], {}, 2, 16 / 256, 127),
        "l2_normalization": around("L2_NORMALIZATION", [], ["x"], [SHAPE], {}, 2, 1 / 128, 0),
        "float": floating(),
        "hybrid": floating(hybrid=True),
    }


def floating(*, hybrid: bool = False) -> bytes:
    """A float32 classifier; `hybrid` has int8 weights, as dynamic-range quantization makes them."""
    weights = np.random.default_rng(5).integers(-127, 128, (4, 192), dtype=np.int8)
    dense = T("weights", data=weights, scale=0.01) if hybrid else T("weights", data=weights.astype(np.float32) / 100)
    tensors = [
        T("image", SHAPE, "float32"),
        T("flat/shape", data=np.array([1, 192], np.int32)),
        T("flat", (1, 192), "float32"),
        dense,
        T("logits", (1, 4), "float32"),
        T("scores", (1, 4), "float32"),
    ]
    ops = [
        O("RESHAPE", ["image", "flat/shape"], ["flat"]),
        O("FULLY_CONNECTED", ["flat", "weights", None], ["logits"], 3),
        O("SOFTMAX", ["logits"], ["scores"], 1, {"beta": 1.0}),
    ]
    return tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"])


def images() -> dict[str, bytes]:
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    made = {}
    for kind, mode in (
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("PNG", "I;16"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("GIF", "P"),
    ):
        stream = io.BytesIO()
        image = Image.fromarray(pixels)
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
        image.save(stream, kind)
        made[f"{kind.lower()}_{mode.lower().replace(';', '')}.{kind.lower()}"] = stream.getvalue()
    return made


def tails() -> dict[str, bytes]:
    """A whole file with a tail of each part, as the metadata and ZIP reader takes it."""
    from edgeready.model_file.writer import package
    from edgeready_device.model_file.golden import GoldenVectors
    from edgeready_device.model_file.manifest import InputSpec, Manifest

    golden = GoldenVectors(
        np.zeros((4, 8, 8, 1), np.uint8), {"ai-edge-litert 2.3.0 reference": np.zeros((4, 3), np.uint8)}
    )
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities", {"mode": "uint8"})
    whole = package(conv_classifier(), manifest, ("a", "b", "c"), "1", golden)
    deflated = io.BytesIO(conv_classifier())
    with zipfile.ZipFile(deflated, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("labels.txt"), "one\ntwo\nthree\n" * 30, zipfile.ZIP_DEFLATED)
    return {"whole.tflite": whole, "deflated.tflite": deflated.getvalue()}


def logs() -> dict[str, bytes]:
    from compiled_models import LOG, MIX

    return {"all_mapped.log": LOG.encode(), "mixed.log": MIX.encode()}


def inside() -> dict[str, dict[str, bytes]]:
    """The parts of a whole file, a folder each."""
    from edgeready_device.model_file.archive import read_archive
    from edgeready_device.model_file.reader import flatbuffer_of
    from edgeready_device.tflite.graph import read_graph

    whole = tails()["whole.tflite"]
    archive = read_archive(whole)
    assert archive is not None
    names = {"manifest": "edgeready.json", "golden": "golden.npz"}
    found = {folder: {name: archive.part(name, 1 << 20)} for folder, name in names.items()}
    metadata = read_graph(flatbuffer_of(whole)).metadata["TFLITE_METADATA"]
    labels = "tabby cat\r\nblack dog\nKöter\n\nbird\x1b[2J\n".encode()
    return {**found, "metadata": {"metadata.bin": metadata}, "labels": {"labels.txt": labels}}


PARTS: dict[str, Callable[[], dict[str, bytes]]] = {
    "models": lambda: {
        f"{name}.tflite": data for made in (windows, moves, arithmetic) for name, data in made().items()
    },
    "tails": tails,
    "images": images,
    "logs": logs,
}


def main() -> int:
    made = {**{folder: make() for folder, make in PARTS.items()}, **inside()}
    for folder, files in made.items():
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (CORPUS / folder / name).write_bytes(data)
    print(sum(path.stat().st_size for path in CORPUS.rglob("*.*")), "bytes in", CORPUS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
