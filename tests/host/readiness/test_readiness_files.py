"""Files in, reports or one clear error out, whatever the bytes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tflite_models import O, T, conv_classifier, one_op, tflite

from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness import Blocker, OpVerdict, ReadinessReport, check_file, check_graph
from edgeready.readiness.operators import VERSIONS
from edgeready_device.tflite.graph import read_graph


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(data)
    return path


def test_a_file_gives_a_report_with_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, conv_classifier())
    report = check_file(path)
    assert report.file == str(path)
    assert report.ready is True
    assert check_file(str(path)) == report


def test_the_report_as_json_holds_every_op_and_the_counts() -> None:
    tensors = [T(name, (1, 4), "int8", 0.1) for name in ("x", "a", "b")]
    ops = [O("RELU", ["x"], ["a"]), O("CUSTOM", ["a"], ["b"], custom_code="MyOp")]
    data = tflite(tensors=tensors, ops=ops, inputs=["x"], outputs=["b"])
    document = json.loads(json.dumps(check_graph(read_graph(data), file="my.tflite").to_dict()))
    detail = "the custom op 'MyOp' is not known to the compiler"
    remedy = "cut the model ahead of it and do this step in the program"
    all_of_it = {"ops": 2, "macs": 0, "parameter_bytes": 0}
    assert document == {
        "file": "my.tflite",
        "ready": False,
        "verdict": "not ready",
        "mapped": 0,
        "uncertain": 0,
        "total": 2,
        "blockers": [
            {
                "rule": "custom-op",
                "op": 1,
                "name": "CUSTOM",
                "detail": detail,
                "remedy": remedy,
                "sentence": "A custom op is one that the compiler knows; at any other it stops.",
                "evidence": {
                    "mapped": {
                        "what": "PosenetDecoderOp and TFLite_Detection_PostProcess are read, and left on the CPU",
                        "compiler": "not recorded",
                        "source": "compiled files",
                        "size": None,
                    },
                    "refused": {
                        "what": "Flex ops: unresolved custom op",
                        "compiler": "not recorded",
                        "source": "report edgetpu #718",
                        "size": None,
                    },
                    "documented": "",
                },
                "layer": "b",
                "tensor": "b",
                "shape": [1, 4],
                "behind": {**all_of_it, "freed": all_of_it},
            }
        ],
        "risks": [],
        "notes": [],
        "cost": {
            "macs": 0,
            "edgetpu_macs": 0,
            "edgetpu_share": None,
            "parameter_bytes": 0,
            "edgetpu_parameter_bytes": 0,
            "cached_bytes": 0,
            "streamed_bytes": 0,
            "elements": 16,
            "cpu_elements": 16,
            "cpu_ops": 2,
            "partitions": {"edgetpu": 0, "cpu": 1},
            "float_ends": [],
            "per_op": [{"index": index, "macs": 0, "parameter_bytes": 0, "elements": 8} for index in (0, 1)],
        },
        "ops": [
            {
                "index": 0,
                "name": "RELU",
                "version": 1,
                "target": "cpu",
                "uncertain": False,
                "rule": "not-compiled",
                "detail": "the compiler maps no op of this file (custom-op at op 1 MyOp 'b')",
                "remedy": "clear custom-op first",
            },
            {
                "index": 1,
                "name": "CUSTOM",
                "version": 1,
                "target": "cpu",
                "uncertain": False,
                "rule": "custom-op",
                "detail": detail,
                "remedy": remedy,
                "custom_code": "MyOp",
            },
        ],
    }


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no such file; give the path of a \.tflite model"):
        check_file(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has 0 bytes"),
        (b"TFL3", "has 4 bytes"),
        (b"PK\x03\x04 this is a zip file, not a model", "is no .tflite model"),
        (conv_classifier()[:200], "truncated or damaged"),
    ],
)
def test_what_is_no_model_is_told_in_one_line_with_the_file(tmp_path: Path, data: bytes, said: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(ModelFileError) as error:
        check_file(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("give a .tflite file as the converter wrote it")


def test_a_shape_of_a_thousand_sizes_does_not_fill_the_screen(tmp_path: Path) -> None:
    path = written(tmp_path, one_op("RELU", [T("x", (-1,) * 1000, "int8", 0.1)], [T("y", (1, 4), "int8", 0.1)]))
    with pytest.raises(ModelFileError, match="tensor 0 has the shape") as error:
        check_file(path)
    assert len(str(error.value)) < len(str(path)) + 480


def test_a_folder_is_told_to_be_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        check_file(tmp_path)


def verdict_or_error(data: bytes) -> ReadinessReport | None:
    try:
        report = check_graph(read_graph(data))
    except ModelFileError:
        return None
    json.dumps(report.to_dict())
    return report


def test_garbage_is_an_error_and_never_a_crash() -> None:
    source = random.Random(3)
    for length in range(0, 400, 3):
        noise = source.randbytes(length)
        assert verdict_or_error(noise) is None
        verdict_or_error(noise[:4] + b"TFL3" + noise[8:])


@pytest.mark.parametrize("flips", [1, 2, 4])
def test_a_model_with_flipped_bytes_gets_a_verdict_or_an_error(flips: int) -> None:
    model = conv_classifier()
    source = random.Random(flips)
    told = 0
    for _ in range(300):
        mutated = bytearray(model)
        for _ in range(flips):
            mutated[source.randrange(len(mutated))] = source.randrange(256)
        told += verdict_or_error(bytes(mutated)) is not None
    assert 0 < told < 300


def test_a_model_cut_anywhere_gets_a_verdict_or_an_error() -> None:
    model = conv_classifier()
    for length in range(0, len(model), 17):
        verdict_or_error(model[:length])


def test_a_tensor_of_absurd_rank_and_size_gets_a_verdict() -> None:
    huge = (2**31 - 1,) * 5000
    tensors = [T("x", huge, "int8", 0.1), T("axes", data=np.array([0], np.int32)), T("y" * 999, huge, "int8", 0.1)]
    report = verdict_or_error(one_op("MEAN", tensors[:2], tensors[2:], version=2))
    assert report is not None
    assert [op.rule for op in report.ops] == ["rank"]
    assert len(report.ops[0].detail) < 300


ODD: tuple[T | None, ...] = (
    None,
    T("scalar", (), "int8", 0.1),
    T("row", (3,), "int8", 0.1),
    T("five", (2, 2, 2, 2, 2), "int8", 0.1),
    T("text", (2,), "string"),
    T("image", (1, 4, 4, 2), "int8", 0.1),
    T("list", data=np.array([7, -9, 3], np.int32)),
    T("nothing", data=np.zeros(0, np.int64)),
    T("number", data=np.array(-1, np.int32)),
    T("long", data=np.zeros(1000, np.int32)),
    T("bytes", data=np.ones((2, 2), np.int8)),
)


@pytest.mark.parametrize("name", sorted({*VERSIONS, "CAST", "DEQUANTIZE", "SHAPE", "CUSTOM", "MIRROR_PAD"}))
def test_an_op_on_odd_operands_gets_a_verdict(name: str) -> None:
    source = random.Random(name)
    for count in [*range(5)] * 8:
        inputs = [None if t is None else replace(t, name=f"i{i}") for i, t in enumerate(source.choices(ODD, k=count))]
        outputs = [replace(T("o", (1, 2), "int8", 0.1), name=f"o{i}") for i in range(source.randrange(3))]
        report = verdict_or_error(one_op(name, inputs, outputs, version=source.randrange(4)))
        assert report is not None
        assert len(report.ops) == 1


@pytest.mark.parametrize(
    "name", ["CONV_2D", "QUANTIZE", "DEQUANTIZE", "CAST", "SPLIT", "PACK", "RESHAPE", "LEAKY_RELU"]
)
def test_an_op_without_operands_gets_a_verdict(name: str) -> None:
    report = verdict_or_error(one_op(name, [], []))
    assert report is not None
    assert len(report.ops) == 1


def test_ops_that_read_each_other_get_a_verdict() -> None:
    tensors = [T("a", (1, 4), "float32"), T("b", (1, 4), "float32"), T("y", (1, 4), "int8", 0.1)]
    ops = [O("DEQUANTIZE", ["a"], ["b"]), O("DEQUANTIZE", ["b"], ["a"]), O("RELU", ["y"], ["y"])]
    report = verdict_or_error(tflite(tensors=tensors, ops=ops, inputs=["a"], outputs=["y"]))
    assert report is not None
    assert [blocker.rule for blocker in report.blockers] == ["float-island", "float-island"]


def test_a_constant_that_does_not_fit_its_shape_is_a_damaged_file() -> None:
    axes = T("axes", (7,), data=np.array([1, 2], np.int32))
    data = one_op("MEAN", [T("x", (1, 4, 4, 8), "int8", 0.1), axes], [T("y", (1, 8), "int8", 0.1)], version=2)
    with pytest.raises(ModelFileError, match="damaged file"):
        check_graph(read_graph(data))


def test_a_report_checks_itself() -> None:
    relu = {"index": 0, "name": "RELU", "version": 1}
    mapped = OpVerdict(**relu, target="edgetpu")
    left = OpVerdict(index=0, name="ELU", version=1, target="cpu", rule="unsupported-op", detail="what", remedy="do")
    blocker = Blocker(rule="unsupported-op", op=0, detail="what", remedy="do")
    with pytest.raises(ValueError, match="neither 'edgetpu' nor 'cpu'"):
        OpVerdict(**relu, target="gpu")
    with pytest.raises(ValueError, match="has the target 'edgetpu' and the rule 'rank'"):
        OpVerdict(**relu, target="edgetpu", rule="rank")
    with pytest.raises(ValueError, match="has the target 'cpu' and the rule 'rank'"):
        OpVerdict(**relu, target="cpu", rule="rank", uncertain=True)
    with pytest.raises(ValueError, match="has the target 'edgetpu' and the rule ''"):
        OpVerdict(**relu, target="edgetpu", uncertain=True)
    with pytest.raises(ValueError, match="ready is True with 1 blockers and 0 risks"):
        ReadinessReport(file="", ready=True, ops=(mapped,), blockers=(blocker,))
    with pytest.raises(ValueError, match="ready is True with 0 blockers and 1 risks"):
        ReadinessReport(file="", ready=True, ops=(mapped,), risks=(blocker,))
    with pytest.raises(ValueError, match="1 of 1 ops stay on the CPU"):
        ReadinessReport(file="", ready=True, ops=(left,))
