"""One trained model in every mode, with the real TensorFlow: each file holds what its mode says, or it is refused."""

from __future__ import annotations

import re
from functools import cache

import builds
import numpy as np
import pytest
from builds import NEEDS_TENSORFLOW, NETS

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, SourceConfig
from edgeready.config.modes import MODES
from edgeready.workflows.draft import Draft
from edgeready.workflows.modes import ModeDrafts, draft_modes
from edgeready_device.evaluation import evaluate
from edgeready_device.model import Model
from edgeready_device.model_file.reader import TfliteModel
from edgeready_device.runtime.runtime import installed_runtimes

pytestmark = NEEDS_TENSORFLOW


def reread(draft: Draft) -> TfliteModel:
    """The model in the bytes of the draft's file."""
    return TfliteModel.from_bytes(draft.to_bytes({}))


def modes_of(function: str, *modes: str, **source) -> ModeDrafts:
    data = DataConfig(source=str(builds.bands(12, axis=False, one_hot=False)))
    network, source_config = NetworkConfig(fix=False), SourceConfig(**source)
    config = BuildConfig(data=data, model=f"{NETS}:{function}", network=network, source=source_config)
    return draft_modes(config, modes or tuple(MODES))


@cache
def wide() -> ModeDrafts:
    """Convolution, ReLU and dense layers of which one has 1,024 weights and more: every mode is possible."""
    return modes_of("wide")


@cache
def elu() -> ModeDrafts:
    return modes_of("elu", "int8-float-fallback", "int8-float-io", "int8", "uint8", "int16x8", "dynamic")


@cache
def flex() -> ModeDrafts:
    return modes_of("error_function", "float32", "float16", "uint8", select_tf_ops=True)


def test_every_mode_of_a_plain_network_is_made_and_runs_on_every_runtime():
    assert wide().refusals == {}
    assert set(wide().drafts) == set(MODES)
    for draft in wide().drafts.values():
        assert [(each.runtime, each.runs) for each in draft.trials] == [(r, True) for r in installed_runtimes()]


@pytest.mark.parametrize("name", MODES)
def test_a_file_has_the_ends_of_its_mode_and_golden_vectors_for_integers(name):
    file = reread(wide().drafts[name])
    assert {tensor.dtype for tensor in file.graph.of((*file.graph.inputs, *file.graph.outputs))} == {MODES[name].ends}
    assert (file.golden is None) == (MODES[name].ends == "float32")


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("float32", {"float32", "int32"}),
        ("dynamic", {"float32", "int8", "int32"}),
        ("float16", {"float32", "float16", "int32"}),
        ("int8-float-io", {"float32", "int8", "int32"}),
        ("int8-float-fallback", {"float32", "int8", "int32"}),
        ("int8", {"int8", "int32"}),
        ("uint8", {"uint8", "int8", "int32"}),
        ("int16x8", {"int16", "int8", "int32", "int64"}),
    ],
)
def test_a_file_holds_the_types_of_its_mode_and_no_others(name, holds):
    assert {tensor.dtype for tensor in reread(wide().drafts[name]).graph.tensors} == holds


@pytest.mark.parametrize("name", MODES)
def test_dense_layers_have_one_scale_in_every_mode(name):
    graph = reread(wide().drafts[name]).graph
    dense = [op for op in graph.ops if op.name == "FULLY_CONNECTED"]
    assert len(dense) == 2
    assert all(len(graph.tensors[op.inputs[1]].scales) <= 1 for op in dense)
    assert all(op.version < 12 for op in dense)  # which tflite-runtime 2.14 refuses


@pytest.mark.parametrize("name", [name for name in MODES if name != "float32"])
def test_a_file_of_each_mode_is_evaluated_through_the_device_package_and_agrees(name):
    test = wide().splits.test
    one, other = (
        evaluate(Model.from_file(wide().drafts[mode].model), test.images, test.labels) for mode in ("float32", name)
    )
    assert (one.predictions == other.predictions).mean() >= 0.9


def test_sizes_fall_from_float32_to_float16_and_to_integers():
    size = {name: len(draft.model.flatbuffer) for name, draft in wide().drafts.items()}
    assert 0.5 < size["float16"] / size["float32"] < 0.6
    assert 0.25 < size["dynamic"] / size["float32"] < 0.4
    assert 0.25 < size["uint8"] / size["float32"] < 0.4


def test_only_integer_files_with_8_bit_ends_are_ready_for_the_edge_tpu():
    assert {name for name, draft in wide().drafts.items() if draft.readiness.ready} == {"int8", "uint8"}


def test_elu_is_made_with_float_fallback_and_in_no_integer_mode():
    graph = reread(elu().drafts["int8-float-fallback"]).graph
    kinds = {op.name: graph.tensors[op.outputs[0]].dtype for op in graph.ops}
    assert (kinds["ELU"], kinds["CONV_2D"], kinds["FULLY_CONNECTED"]) == ("float32", "int8", "int8")
    assert set(elu().refusals) == {"int8-float-io", "int8", "uint8", "int16x8", "dynamic"}


@pytest.mark.parametrize("name", ["uint8", "int8", "int8-float-io"])
def test_elu_is_refused_with_op_remedy_and_the_mode_that_takes_it_where_its_ends_are_alike(name):
    op = {"uint8": 4, "int8": 3, "int8-float-io": 4}[name]  # behind the QUANTIZE of the input, where there is one
    remedy = "it has no 8-bit form; use ReLU or ReLU6 in its place"
    way_out = "" if name == "uint8" else ", or write --mode int8-float-fallback"
    pattern = rf"op {op} ELU stays float32 \(tensor '[^']+' \[1, 10, 10, 4\]\): {remedy}{way_out}"
    assert re.fullmatch(pattern, elu().refusals[name])


def test_a_dynamic_file_in_which_nothing_became_int8_is_refused():
    assert elu().refusals["dynamic"] == (
        "nothing became int8, so the file would be float32 under the name dynamic: weights of less than 1,024 values "
        "stay float32; use float32"
    )


def test_with_select_tf_ops_a_float32_file_is_made_that_no_pip_runtime_runs():
    draft = flex().drafts["float32"]
    assert [each.runs for each in draft.trials] == [False] * len(installed_runtimes())
    assert all("Select TensorFlow op" in each.reason for each in draft.trials)
    assert "FlexErf" in {op.custom_code for op in reread(draft).graph.ops}


@pytest.mark.parametrize("mode", ["uint8", "float16"])
def test_an_op_of_tensorflows_own_is_named_and_has_no_other_form(mode):
    assert flex().refusals[mode] == (
        f"op 2 Erf is TensorFlow's own and has no {mode} form: replace the layer that makes it, or write --mode "
        "float32 or dynamic"
    )


@pytest.mark.slow
@pytest.mark.long
def test_a_mode_that_crashes_the_converter_does_not_keep_the_others_from_being_made():
    found = modes_of("lstm", "float32", "uint8")
    assert set(found.drafts) == {"float32"}
    assert found.refusals["uint8"].startswith("TensorFlow's converter crashed (SIG")


def test_a_model_that_is_not_there_is_an_error_of_its_own():
    from edgeready.errors import NotFoundError

    config = BuildConfig(data=DataConfig(source="digits"), model="none.keras")
    with pytest.raises(NotFoundError, match=r"^none\.keras: no such model file"):
        draft_modes(config, ("uint8",))


def test_the_golden_inputs_of_an_int16_file_are_int16():
    golden = reread(wide().drafts["int16x8"]).golden
    assert golden.inputs.dtype == np.int16
    assert {rows.dtype for rows in golden.outputs.values()} == {np.dtype("int16")}
