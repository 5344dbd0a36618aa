"""What is legitimate and not supported is called what it is; damage alone is called damage."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.first_run import run_first
from edgeready_device.model import Model
from edgeready_device.model_file.input_size import open_inputs, with_image_size, with_input_shapes
from edgeready_device.model_file.reader import TfliteModel, read_model_file
from edgeready_device.session import Session
from edgeready_device.tflite.accelerators import accelerator_of
from edgeready_device.tflite.structure.need import read_need

DAMAGE = "the file is damaged, or made to harm"


# -- open sizes --------------------------------------------------------------------------------------------------


def test_an_image_of_open_size_is_read_and_refused_with_the_remedy_where_it_would_run(model):
    file = read_model_file(model("open_image"))
    assert [tensor.name for tensor in open_inputs(file)] == ["image"]
    for run in (lambda: Session.from_file(file), lambda: run_first(file)):
        with pytest.raises(ModelFileError) as caught:
            run()
        assert str(caught.value) == (
            f"{model('open_image')}: the size of its input 'image' is open ([-1, -1, -1, 3]): give --input-size "
            "WIDTHxHEIGHT, that of the images that it was made for"
        )


@pytest.mark.parametrize(("width", "height"), [(2, 2), (9, 5), (65, 33)])
def test_a_model_of_open_size_runs_at_the_size_that_is_given(width, height, model, runtime):
    file = with_image_size(read_model_file(model("open_image")), (width, height))
    assert open_inputs(file) == ()
    session = Session.from_file(file, runtime=runtime.name)
    assert session.inputs[0].shape == (1, height, width, 3)
    frame = np.broadcast_to(np.array([10, 20, 30], np.uint8), (1, height, width, 3))
    assert session.invoke([frame])[0].tolist() == [[10.0, 20.0, 30.0]]
    assert Model.from_file(file, runtime=runtime.name).run(frame[0]).tolist() == [10.0, 20.0, 30.0]


def test_the_size_of_a_model_can_be_given_where_it_is_loaded_and_to_the_commands(model, litert, capsys, tmp_path):
    path, frame = model("open_image"), np.full((5, 9, 3), 7, np.uint8)
    loaded = Model.load(path, runtime=litert.name, input_size=(9, 5))
    assert loaded.run(frame).tolist() == [7.0, 7.0, 7.0]
    np.save(tmp_path / "frame.npy", frame)
    command = ["classify", str(path), str(tmp_path / "frame.npy"), "--input-size", "9x5", "--scores", "logits"]
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["predictions"][0]["score"] == pytest.approx(1 / 3)
    assert cli.main([word for word in command if word not in ("--input-size", "9x5")]) == 3
    assert "give --input-size WIDTHxHEIGHT" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["6", "6x", "x4", "6x4x3", "-6x4", "6*4", "1e3x4", "12345678x4", "6x4 "])
def test_a_size_that_is_none_is_a_usage_error(text, model, capsys):
    assert cli.main(["benchmark", str(model("open_image")), f"--input-size={text}"]) == 2
    assert capsys.readouterr().err == (f"edgeready-device: the size is {text!r}: give width and height, as 224x224\n")


def test_the_model_with_a_size_is_another_and_the_file_stays_as_it_is(model):
    file = read_model_file(model("open_image"))
    small, large = (with_image_size(file, size) for size in ((8, 8), (16, 16)))
    assert len({file.sha256, small.sha256, large.sha256}) == 3
    assert file.graph.tensors[0].shape == (1, 1, 1, 3)
    assert small.path == file.path


def test_a_series_of_open_length_gets_it_from_its_shape(model, runtime):
    file = read_model_file(model("open_series"))
    with pytest.raises(
        ModelFileError, match=r"'wave' is open \(\[-1\]\): give --inputs FILE.npz with an array of the"
    ):
        Session.from_file(file)
    session = Session.from_file(with_input_shapes(file, {0: (5,)}), runtime=runtime.name)
    assert session.invoke([np.arange(5, dtype=np.float32)])[0].tolist() == [10.0]


@pytest.mark.parametrize(
    ("name", "shapes", "message"),
    [
        (
            "open_image",
            {0: (1, 8, 8, 4)},
            r"is \[-1, -1, -1, 3\], and \[1, 8, 8, 4\] is asked for: only a size that is",
        ),
        ("open_image", {0: (8, 8, 3)}, r"\[8, 8, 3\] is asked for"),
        ("open_image", {0: (1, 0, 8, 3)}, r"\[1, 0, 8, 3\] is asked for: a size is from 1 to 1048576"),
        ("open_image", {0: (1, 8, -8, 3)}, "a size is from 1 to 1048576"),
        ("open_image", {0: (1, 8, 1 << 21, 3)}, "a size is from 1 to 1048576"),
        ("conv", {0: (1, 9, 9, 1)}, r"is \[1, 8, 8, 1\], and \[1, 9, 9, 1\] is asked for"),
    ],
)
def test_a_shape_that_the_file_does_not_leave_open_is_refused(name, shapes, message, model):
    with pytest.raises(UsageError, match=message):
        with_input_shapes(read_model_file(model(name)), shapes)


def test_a_size_that_takes_more_memory_than_a_board_has_is_refused(model):
    file = with_image_size(read_model_file(model("open_image")), (1 << 20, 1 << 20))
    with pytest.raises(ModelFileError, match="more than 1073741824: it is too large for a board: give a smaller"):
        Session.from_file(file)


def test_the_size_that_a_model_has_already_changes_nothing(model):
    file = read_model_file(model("rgb"))
    assert with_image_size(file, (16, 16)) is file
    with pytest.raises(UsageError, match="0 inputs are images"):
        with_image_size(read_model_file(model("open_series")), (8, 8))


def test_what_open_sizes_leave_unchecked_runs_in_a_child_first_even_in_the_library(model, litert, monkeypatch):
    calls = []
    monkeypatch.setattr("edgeready_device.session.try_first", lambda *a: calls.append(a[1:]))
    file = with_image_size(read_model_file(model("open_image")), (8, 8))
    Session.from_file(file, runtime=litert.name)
    Session.from_file(read_model_file(model("conv")), runtime=litert.name)
    Session.from_file(dataclasses.replace(file, trusted=True), runtime=litert.name)
    assert calls == [(litert, 1, "default")]


def test_a_first_run_that_ended_well_is_not_repeated(model, litert, monkeypatch):
    file = with_image_size(read_model_file(model("open_image")), (8, 8))
    run_first(file, litert.name)
    monkeypatch.setattr("edgeready_device.session.try_first", lambda *a: pytest.fail("it ran again"))
    Session.from_file(file, runtime=litert.name)


def test_an_open_model_that_does_not_run_is_refused_by_the_child(model, litert):
    file = with_image_size(read_model_file(model("open_image_that_crashes")), (8, 8))
    with pytest.raises(ModelFileError, match="NoSuchOp") as caught:
        Session.from_file(file, runtime=litert.name)
    assert str(caught.value).count("open_image_that_crashes.tflite") == 1


# -- odd quantization --------------------------------------------------------------------------------------------


def test_quantized_values_without_a_scale_run_where_the_kernels_take_them(model, runtime):
    file = read_model_file(model("raw_mean"))
    assert file.graph.doubts == ("MEAN has a quantized tensor without a scale",)
    session = Session.from_file(file, runtime=runtime.name)
    assert file.survivals == {(runtime.name, 1, "default")}
    assert session.invoke([np.full((1, 2, 2, 3), 7, np.int8)])[0].shape == (1, 3)


def test_what_is_odd_about_the_quantization_is_a_note_of_the_classifier(model, capsys):
    file = read_model_file(model("scales_per_channel"))
    note = (
        "RELU has 3 scales for 'picture', and takes one, so that runtimes may answer wrongly: hold it against the "
        "float model"
    )
    assert note in file.contract.notes
    assert cli.main(["info", str(model("scales_per_channel"))]) == 0
    assert note in capsys.readouterr().out


def test_weights_that_are_computed_may_have_a_scale_for_each_channel(model):
    pytest.importorskip("tflite_models", exc_type=ImportError)
    from tflite_models import O, T, tflite

    tensors = [
        T("x", (1, 4, 4, 2), "int8", 0.1),
        T("w", (3, 1, 1, 2), "int8", [0.1, 0.2, 0.3]),
        T("b", data=np.zeros(3, np.int32), scale=[0.01, 0.02, 0.03]),
        T("y", (1, 4, 4, 3), "int8", 0.1),
    ]
    conv = O("CONV_2D", ["x", "w", "b"], ["y"], 3, {"strideW": 1, "strideH": 1})
    file = TfliteModel.from_bytes(tflite(tensors=tensors, ops=[conv], inputs=["x", "w"], outputs=["y"]))
    assert not file.doubtful


def test_the_need_of_an_open_model_counts_its_sizes_as_those_of_its_input(model):
    need = {}
    for side in (8, 80):
        file = with_image_size(read_model_file(model("open_image")), (side, side))
        need[side] = read_need(file.subgraphs, 0).memory_bytes
    assert need[80] > 90 * need[8]


# -- compiled for an accelerator -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "target", "remedy"),
    [
        ("compiled", "the Edge TPU (edgetpu-custom-op)", "give --delegate edgetpu on a machine with a Coral device"),
        ("ethos_u", "Ethos-U by Vela (ethos-u)", "give --delegate with the path of its library on a board with an"),
        (
            "neutron",
            "NXP's Neutron NPU (NeutronGraph)",
            "give --delegate with the path of its library on a board that",
        ),
        ("dispatch", "an NPU, ahead of time by LiteRT (DISPATCH_OP)", "run it with LiteRT's own API on the device"),
    ],
)
def test_a_compiled_file_is_called_compiled(name, target, remedy, model, capsys):
    file = read_model_file(model(name))
    assert accelerator_of(file.graph)[1] == 1
    with pytest.raises(RuntimeUnavailableError) as caught:
        Session.from_file(file)
    assert str(caught.value).startswith(
        f"{model(name)}: 1 of 1 ops are compiled for {target}, which no CPU runs: {remedy}"
    )
    assert str(caught.value).endswith(", or take the file from before the compiler")
    assert cli.main(["benchmark", str(model(name))]) == 6
    assert DAMAGE not in capsys.readouterr().err


def test_only_the_accelerator_s_own_op_may_read_what_no_op_makes(model):
    data = model("ethos_u").read_bytes().replace(b"ethos-u", b"ethos-x")
    path = model("ethos_u").with_name("ethos_x.tflite")
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=rf"op 0 CUSTOM reads tensor 2 \(scratch\) before it is made: {DAMAGE}"):
        read_model_file(path)


def test_a_compiler_that_left_the_parts_out_did_not_truncate_the_file(model, tmp_path):
    pytest.importorskip("tflite_models", exc_type=ImportError)
    from device_models import _metadata
    from tflite_models import O, T, tflite

    tensors = [T("image", (1, 2, 2, 1), "uint8", 1.0), T("scores", (1, 4), "uint8", 1.0)]
    listed = {"TFLITE_METADATA": _metadata("digits", outputs=[[("labels.txt", "")]], files=["edgeready.json"])}
    for name, message in (("ethos-u", "Ethos-U"), ("other", "the part is missing: the file is truncated")):
        path = tmp_path / "compiled.tflite"
        ops = [O("CUSTOM", ["image"], ["scores"], custom_code=name)]
        path.write_bytes(tflite(tensors=tensors, ops=ops, inputs=["image"], outputs=["scores"], metadata=listed))
        with pytest.raises((ModelFileError, RuntimeUnavailableError), match=message):
            Session.load(path)


# -- inputs that are no numbers, control flow ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text_input", "its input 'sentence' takes text (string), and numbers are what is fed here: give the model "),
        ("resource_input", "its input 'handle' is resource, which cannot be fed: convert the model with inputs of "),
    ],
)
def test_an_input_that_is_no_number_is_refused_in_a_sentence(name, message, model):
    with pytest.raises(ModelFileError) as caught:
        Session.load(model(name))
    assert str(caught.value).startswith(f"{model(name)}: {message}")


def test_control_flow_runs(model, runtime):
    loaded = Model.load(model("branches"), runtime=runtime.name)
    frames = np.array([[[1, 2], [3, 4]], [[10, 20], [30, 50]]], np.uint8)[..., np.newaxis]
    assert loaded.run_many(frames).tolist() == [[1, 2, 3, 4], [20, 40, 60, 100]]


def test_control_flow_that_calls_itself_is_damage(model, tmp_path):
    pytest.importorskip("tflite_models", exc_type=ImportError)
    from tflite_models import G, O, T, tflite

    ends = [T("c", (), "bool"), T("y", (), "bool")]
    again = O("IF", ["c", "c"], ["y"], 1, {"thenSubgraphIndex": 1, "elseSubgraphIndex": 1})
    path = tmp_path / "circle.tflite"
    callee = G(ends, [again], ["c"], ["y"])
    path.write_bytes(tflite(tensors=ends, ops=[again], inputs=["c"], outputs=["y"], callees=[callee]))
    with pytest.raises(ModelFileError, match=DAMAGE):
        read_model_file(path)
