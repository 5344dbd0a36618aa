"""Models that are no image classifiers: the .npz of inputs, the error of each output, and the whole conversion."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builds import NETS
from tflite_models import O, T, one_op, tflite

from edgeready.dataset.tensors import is_tensor_file, load_tensors
from edgeready.errors import DatasetError
from edgeready.proof.fidelity import measure_fidelity
from edgeready.quantization.inputs import tensor_samples
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import installed_runtimes
from edgeready_device.tflite.graph import read_graph

NOISE = np.random.default_rng(1)
IMAGE, NUMBERS = NOISE.uniform(-1, 1, (60, 9, 7, 2)).astype(np.float32), NOISE.uniform(-2, 2, (60, 5))


@pytest.fixture
def npz(tmp_path):
    def save(name: str = "in.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("arrays", "is_one"),
    [
        ({"a": IMAGE}, True),
        ({"x": IMAGE}, True),
        ({"x": IMAGE, "y": NUMBERS}, False),
        ({"x_train": IMAGE}, False),
        ({}, False),
    ],
)
def test_a_npz_without_labels_holds_the_inputs_of_any_model(npz, arrays, is_one):
    assert is_tensor_file(str(npz(**arrays))) is is_one


def test_a_file_that_is_no_npz_holds_none(tmp_path):
    (tmp_path / "text.npz").write_text("text")
    assert [is_tensor_file(str(tmp_path / name)) for name in ("text.npz", "none.npz", "")] == [False] * 3


def test_rows_are_cut_in_two_that_share_none_and_stay_together(npz):
    data = load_tensors(npz(a=np.arange(9.0), b=np.arange(9.0) * 2), 3)
    assert (len(data.calibration["a"]), len(data.test["a"])) == (4, 5)
    assert sorted([*data.calibration["a"], *data.test["a"]]) == list(range(9))
    assert np.array_equal(data.test["b"], data.test["a"] * 2)
    again = load_tensors(npz(a=np.arange(9.0), b=np.arange(9.0) * 2), 3)
    assert np.array_equal(again.test["a"], data.test["a"])


def test_at_most_500_rows_give_the_ranges(npz):
    assert len(load_tensors(npz(a=np.arange(1200.0)), 1).calibration["a"]) == 500


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.array([[1, 2], [np.nan, 4]])}, r"a of .* holds nan at \[1, 0\]: give finite numbers"),
        ({"a": np.array([1, np.inf])}, r"a of .* holds inf at \[1\]: give finite numbers"),
        ({"a": np.full((4, 3), 7.0)}, r"every value of a of .* is 7\.0: no ranges can be found with it"),
        ({"a": np.array(["cat", "dog"])}, r"a of .* is <U3 of shape \[2\]: store numbers, \(n, \.\.\.\)"),
        ({"a": np.zeros((0, 3))}, r"a of .* of shape \[0, 3\]: store numbers"),
        ({"a": np.arange(4), "b": np.arange(3)}, r"different numbers of rows \(a 4, b 3\): give each the same"),
        ({"a": np.array([[1, 2]])}, r"has 1 rows: give at least 2, one for the ranges and one for the test"),
    ],
)
def test_inputs_that_give_no_ranges_are_refused_with_array_and_reason(npz, arrays, said):
    with pytest.raises(DatasetError, match=said):
        load_tensors(npz(**arrays), 1)


TWO = tflite(
    tensors=[
        T("serving_default_image:0", (1, 2, 3), "float32"),
        T("numbers", (1, 6), "float32"),
        T("flat", (1, 6), "float32"),
        T("y", (1, 6), "float32"),
    ],
    ops=[O("RESHAPE", ["serving_default_image:0"], ["flat"]), O("ADD", ["flat", "numbers"], ["y"])],
    inputs=["serving_default_image:0", "numbers"],
    outputs=["y"],
)


def test_arrays_go_to_the_inputs_of_their_names_else_by_their_order():
    image, numbers = np.zeros((4, 2, 3)), np.ones((4, 6))
    for arrays in (
        {"image": image, "numbers": numbers},
        {"numbers": numbers, "image": image},
        {"a": image, "b": numbers},
    ):
        found = tensor_samples(read_graph(TWO), arrays, "data")
        assert [array.shape for array in found.arrays] == [(4, 2, 3), (4, 6)]
        assert [array.dtype for array in found.arrays] == [np.float32, np.float32]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"image": np.zeros((4, 2, 3))},
            "data has 1 arrays (image), the model 2 inputs (image, numbers): give one array an input",
        ),
        (
            {"b": np.zeros((4, 6)), "a": np.zeros((4, 2, 3))},
            "b of data has the shape [4, 6], the input 'image' takes [n, 2, 3]: reshape it",
        ),
    ],
)
def test_arrays_that_do_not_fit_the_inputs_are_named(arrays, said):
    with pytest.raises(DatasetError) as caught:
        tensor_samples(read_graph(TWO), arrays, "data")
    assert str(caught.value) == said


def takes(dtype):
    return read_graph(one_op("CAST", [T("x", (1, 3), dtype)], [T("y", (1, 3), "float32")]))


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("int32", np.array([[0, 7, 49]], np.int64)),
        ("int32", np.array([[0.0, 7.0, -(2.0**31)]])),
        ("int32", np.array([[False, True, True]])),
        ("int64", np.array([[2**40, 0, 1]])),
        ("bool", np.array([[0.0, 1.0, 1.0]])),
        ("float32", np.array([[0.1, 1e38, 2**24 + 1]])),
    ],
)
def test_values_that_the_type_of_the_input_holds_are_cast(dtype, values):
    (found,) = tensor_samples(takes(dtype), {"x": values}, "data").arrays
    assert found.dtype == np.dtype(dtype)
    assert np.array_equal(found, values.astype(dtype))


@pytest.mark.parametrize(
    ("dtype", "values", "said"),
    [
        (
            "int32",
            np.array([[0, 1, 12.7]]),
            "12.7 at [0, 2], the input 'x' takes int32: give whole numbers that int32",
        ),
        ("int32", np.array([[2**32 + 5, 1, 2]]), "4294967301 at [0, 0], the input 'x' takes int32: give whole "),
        ("int64", np.array([[0, 0.5, 1]]), "0.5 at [0, 1], the input 'x' takes int64: give whole numbers that int64"),
        ("bool", np.array([[0, 1, 2]]), "2 at [0, 2], the input 'x' takes bool: give whole numbers that bool holds"),
        ("float32", np.array([[0, 1, 1e300]]), "1e+300 at [0, 2], the input 'x' takes float32: give finite float32 "),
    ],
)
def test_values_that_the_type_of_the_input_does_not_hold_are_refused(dtype, values, said):
    with pytest.raises(DatasetError) as caught:
        tensor_samples(takes(dtype), {"x": values}, "data")
    assert str(caught.value).startswith(f"x of data holds {said}")


def test_the_error_of_an_output_is_told_in_decibel_and_at_most():
    float32 = one_op("RELU", [T("x", (1, 4), "float32")], [T("y", (1, 4), "float32")])
    coarse = one_op("RELU", [T("x", (1, 4), "uint8", 0.5)], [T("y", (1, 4), "uint8", 0.5)])
    rows = {"x": np.array([[1.0, 2.0, 2.25, 4.0], [0.5, 1.5, 3.0, 0.0]])}
    (found,) = measure_fidelity(TfliteModel(float32), TfliteModel(coarse), rows, installed_runtimes()[0])
    signal, noise = float((rows["x"] ** 2).sum()), 0.25**2
    assert found.snr_db == pytest.approx(10 * np.log10(signal / noise))
    assert (found.output, found.largest_error, found.largest_value) == ("y", 0.25, 4.0)
    (same,) = measure_fidelity(TfliteModel(float32), TfliteModel(float32), rows, installed_runtimes()[0])
    assert (same.snr_db, same.largest_error) == (float("inf"), 0.0)


@pytest.mark.tensorflow
def test_a_model_with_two_inputs_and_two_outputs_is_converted_and_compared_with_float32(npz, run_here, tmp_path):
    source = f"{NETS}:two_arms"
    code, out, err = run_here(
        "convert", source, "--data", npz(numbers=NUMBERS, image=IMAGE), "-o", "a.tflite", "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert (found["mode"], found["calibration_rows"], found["test_rows"]) == ("uint8", 30, 30)
    assert len(found["outputs"]) == 2
    assert found["rewrites"] == [
        "the pieces of SPLIT, SPLIT_V or UNPACK that are read are slices: nothing reads the others"
    ]
    assert all(output["snr_db"] > 15 for output in found["outputs"])
    assert found["readiness"]["ready"]
    graph = read_graph((tmp_path / "a.tflite").read_bytes())
    assert "SPLIT" not in {op.name for op in graph.ops}
    assert sorted(graph.tensors[index].shape for index in graph.inputs) == [(1, 5), (1, 9, 7, 2)]
    assert {tensor.dtype for tensor in graph.of((*graph.inputs, *graph.outputs))} == {"uint8"}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ("--mean", "127.5"),
            "--mean, --std, --preset and --color are for pixels, and the arrays hold what the model takes: leave",
        ),
        (("--max-drop", "1"), "--max-drop counts answers, and the data have no labels: leave it out"),
        (("--debug-report", "x"), "--debug-report needs labelled images, and the data have no labels: leave it out"),
    ],
)
def test_options_for_images_are_refused_before_any_work(npz, run_here, option, said):
    code, out, err = run_here("convert", "none.keras", "--data", npz(a=IMAGE), "-o", "a.tflite", *option)
    assert (code, out) == (2, "")
    assert err.startswith(f"edgeready: {said}")


def test_the_comparison_with_float32_does_not_depend_on_the_rows_before():
    ends = [T("x", (1, 1), "float32"), T("y", (1, 1), "float32")]
    one = np.ones((1, 1), np.float32)
    inner = [T("w", data=one), T("r", data=one), T("b", data=one[0]), T("state", (1, 1), "float32", variable=True)]
    rnn = tflite(
        tensors=[*ends, *inner], ops=[O("RNN", ["x", "w", "r", "b", "state"], ["y"])], inputs=["x"], outputs=["y"]
    )
    plain = tflite(tensors=[*ends, inner[0]], ops=[O("ADD", ["x", "w"], ["y"])], inputs=["x"], outputs=["y"])
    rows = {"x": np.arange(4.0).reshape(4, 1)}
    (found,) = measure_fidelity(TfliteModel(plain), TfliteModel(rnn), rows, installed_runtimes()[0])
    assert (found.largest_error, found.largest_value) == (0.0, 4.0)
