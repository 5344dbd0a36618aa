"""Delegates, with a real external one that is compiled here: tests/device/external_delegate.c."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.errors import NotFoundError, RuntimeUnavailableError, UsageError
from edgeready_device.isolation import child as isolation
from edgeready_device.isolation import trial
from edgeready_device.isolation.trial import TrialRequest, try_model
from edgeready_device.model import Model
from edgeready_device.runtime import delegate as under_test
from edgeready_device.runtime.delegate import FORMS, DelegateSpec, count_taken_ops, parse_delegate

FRAME = np.array([[1, 2], [3, 4]], np.uint8)


# -- what is asked for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("edgetpu", {}),
        ("edgetpu:usb", {"device": "usb"}),
        ("edgetpu:pci", {"device": "pci"}),
        ("edgetpu:0", {"device": ":0"}),
        ("edgetpu:usb:1", {"device": "usb:1"}),
        ("edgetpu:pci:07", {"device": "pci:7"}),
    ],
)
def test_the_edge_tpu_is_named_as_its_library_names_its_devices(monkeypatch, text, options):
    monkeypatch.setattr("sys.platform", "linux")
    assert parse_delegate(text) == DelegateSpec(text, "libedgetpu.so.1", options)
    assert parse_delegate(text).edgetpu


def test_on_macos_the_library_has_another_name(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert parse_delegate("edgetpu").library == "libedgetpu.1.dylib"


def test_a_library_is_a_path_or_a_name_that_the_loader_finds_and_options_follow(tmp_path):
    library = tmp_path / "libx.so"
    library.write_bytes(b"")
    assert parse_delegate(f"{library},a=1,b=x=y") == DelegateSpec(
        f"{library},a=1,b=x=y", str(library), {"a": "1", "b": "x=y"}
    )
    assert parse_delegate("libvx.so.2,k=").options == {"k": ""}
    assert not parse_delegate("libvx.so.2").edgetpu


@pytest.mark.parametrize(
    "text", ["", "edgtpu", "edgetpu:tpu", "edgetpu:-1", "edgetpu:usb:0:1", "edgetpu,a=1", ",a=1"]
)
def test_another_name_is_refused_with_the_forms_that_there_are(text):
    with pytest.raises(UsageError) as caught:
        parse_delegate(text)
    assert str(caught.value) == f"the delegate {text!r} is unknown: choose {FORMS}"


@pytest.mark.parametrize("pair", ["verbose", "=1", ""])
def test_an_option_without_key_or_value_is_refused(tmp_path, pair):
    library = tmp_path / "libx.so"
    library.write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        parse_delegate(f"{library},{pair}")
    assert str(caught.value) == f"the delegate's option {pair!r} is no key=value: write {library},key=value"


def test_a_library_that_is_not_there_is_not_found():
    with pytest.raises(NotFoundError) as caught:
        parse_delegate("./none/libx.so")
    assert str(caught.value) == f"./none/libx.so: no such file; choose {FORMS}"
    assert caught.value.exit_code == 4


# -- how many ops it took --------------------------------------------------------------------------------------


def node(inputs, outputs):
    return {"inputs": np.array(inputs), "outputs": np.array(outputs)}


CHAIN = [node([0], [1]), node([1, 9], [2]), node([2], [3]), node([3], [4])]  # 9 is a constant


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([], (0, 0)),
        ([node([0, 9], [4])], (4, 1)),
        ([node([1, 9], [2])], (1, 1)),
        ([node([0], [1]), node([2], [4])], (3, 2)),
    ],
)
def test_a_piece_stands_for_the_ops_between_its_inputs_and_its_outputs(pieces, found):
    assert count_taken_ops([*CHAIN, *pieces], len(CHAIN)) == found


def test_both_branches_of_a_piece_count_and_each_op_once():
    ops = [node([0], [1]), node([1], [2]), node([1], [3]), node([2, 3], [4])]
    assert count_taken_ops([*ops, node([1], [4])], 4) == (3, 1)
    assert count_taken_ops([*ops, node([0], [4])], 4) == (4, 1)


# -- a real one ------------------------------------------------------------------------------------------------


@pytest.fixture
def library(delegate_library) -> Path:
    """The external delegate, compiled."""
    return delegate_library


@pytest.fixture
def opened(library, model, runtime):
    """Opens a model by its name with the delegate and its options, on each runtime in turn."""

    def open_it(name: str, options: str = "") -> Model:
        return Model.load(model(name), runtime=runtime.name, delegate=f"{library}{',' if options else ''}{options}")

    return open_it


@pytest.fixture
def refused(opened):
    """The one line with which that fails, and that it is exit code 6."""

    def fail(name: str, options: str) -> str:
        with pytest.raises(RuntimeUnavailableError) as caught:
            opened(name, options)
        assert caught.value.exit_code == 6
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return fail


def test_a_compiled_op_runs_in_its_delegate(opened, library):
    model = opened("compiled")
    assert (model.delegate.ops_taken, model.delegate.ops_total, model.delegate.partitions) == (1, 1, 1)
    assert model.delegate.name == str(library)
    assert model.invoke(model.quantize(FRAME)).tolist() == [1, 2, 3, 4]


def test_of_other_models_it_takes_what_it_can_and_the_rest_stays_on_the_cpu(opened, model, runtime):
    plain = Model.load(model("conv"), runtime=runtime.name)
    half = opened("conv", "take=22")
    assert (half.delegate.ops_taken, half.delegate.ops_total, half.delegate.partitions) == (1, 7, 1)
    tensor = plain.quantize(np.random.default_rng(0).integers(0, 256, plain.input.shape[1:], np.uint8))
    assert abs(half.invoke(tensor).astype(int) - plain.invoke(tensor)).max() <= 1


def test_ops_taken_together_are_one_piece_and_apart_two(opened):
    assert opened("conv", "take=all").delegate.ops_taken == 7
    both_ends = opened("conv", "take=114").delegate  # QUANTIZE
    assert (both_ends.ops_taken, both_ends.partitions) == (2, 2)


def test_the_first_inference_is_told_apart_from_the_one_after_it(opened):
    delegate = opened("compiled", "cold_ms=200").delegate
    assert delegate.first_run_s > 0.2 > delegate.second_run_s > 0


def test_a_copy_has_the_delegate_too_and_needs_no_trial(opened, monkeypatch):
    model = opened("compiled")
    monkeypatch.setattr(trial, "run_child", lambda *_, **__: pytest.fail("was tried again"))
    copy = model.replicate()
    assert copy.delegate.ops_taken == 1
    assert copy.invoke(copy.quantize(FRAME)).tolist() == [1, 2, 3, 4]


def test_a_delegate_that_takes_nothing_is_refused_with_the_count(refused, library):
    assert refused("conv", "take=none") == (
        f"the delegate {library},take=none took 0 of 7 ops; all would run on the CPU: "
        "give a model that it supports, or leave --delegate out"
    )


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ("create=crash", "SIGILL (an instruction that this processor does not have: "),
        ("prepare=crash", "SIGSEGV (it read memory that is not its own: "),
        ("invoke=crash", "SIGSEGV (it read memory that is not its own: "),
    ],
)
def test_a_crash_in_the_delegate_is_a_sentence_with_the_signals_meaning(refused, library, runtime, options, how):
    message = refused("compiled", options)
    assert message.startswith(
        f"the delegate {library},{options} does not work with {runtime}: in a trial run it was ended by {how}"
    )
    assert message.endswith(
        "): take a library built for this version of TFLite, another --runtime, or leave --delegate out"
    )


def test_a_library_built_for_an_older_tflite_is_contained_and_named(compiled_delegate, model, runtime):
    # What Coral's stock libedgetpu does under today's runtimes: they read behind the structure that it hands over.
    old = compiled_delegate("-DTENSORFLOW_2_5")
    with pytest.raises(RuntimeUnavailableError) as caught:
        Model.load(model("compiled"), runtime=runtime.name, delegate=str(old))
    assert str(caught.value).endswith(f": {trial.BUILT_FOR_IT}")


def test_a_delegate_that_hangs_is_ended(library, model, litert):
    request = TrialRequest(litert.name, delegate=f"{library},invoke=hang", ops_total=1)
    result = try_model(request, model("compiled").read_bytes(), time_limit_s=3)
    assert (result.ran, result.exit.sentence) == (False, "it did not end within the time limit")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("create=null", "does not start: no such device: out of order"),
        ("create=silent", "does not start: it gives no reason; check its options"),
        ("prepare=error", "refuses the model ("),
        ("invoke=error", "fails in a run ("),
    ],
)
def test_a_delegate_that_fails_says_why(refused, options, part):
    assert part in refused("compiled", options)


def test_the_delegates_own_reason_is_told(refused):
    assert "the device went away" in refused("compiled", "invoke=error")


def test_a_compiled_file_without_the_delegate_is_told_before_a_runtime_sees_it(model, runtime):
    path = model("compiled")
    with pytest.raises(RuntimeUnavailableError) as caught:
        Model.load(path, runtime=runtime.name)
    assert str(caught.value) == (
        f"{path}: 1 of 1 ops are compiled for the Edge TPU (edgetpu-custom-op), which no CPU runs: give "
        "--delegate edgetpu on a machine with a Coral device, or take the file from before the compiler"
    )


def test_a_file_that_is_no_library_is_refused(model, runtime, tmp_path):
    text = tmp_path / "libx.so"
    text.write_text("not an ELF file")
    with pytest.raises(RuntimeUnavailableError) as caught:
        Model.load(model("conv"), runtime=runtime.name, delegate=str(text))
    assert str(caught.value).startswith(f"{text} does not load ({text}: ")
    assert str(caught.value).endswith("): give a shared library built for this machine")


def test_a_library_for_another_processor_is_told_by_both_names(model, litert, library, tmp_path):
    data = bytearray(library.read_bytes())
    own = {62: "x86-64", 183: "arm64", 40: "32-bit Arm"}[data[18]]
    data[18] = 243
    other = tmp_path / "libother.so"
    other.write_bytes(data)
    with pytest.raises(RuntimeUnavailableError) as caught:
        Model.load(model("conv"), runtime=litert.name, delegate=str(other))
    assert f"{other} does not load (it is built for RISC-V, and this Python for {own})" in str(caught.value)


def test_a_library_that_is_no_delegate_is_told_by_what_it_lacks(model, runtime):
    import ctypes.util

    name = ctypes.util.find_library("m")
    if name is None:
        pytest.skip("the system's mathematics library is not found here")
    with pytest.raises(RuntimeUnavailableError) as caught:
        Model.load(model("conv"), runtime=runtime.name, delegate=name)
    assert str(caught.value) == (
        f"{name} is no TFLite delegate: it has no tflite_plugin_create_delegate and no "
        f"tflite_plugin_destroy_delegate; choose {FORMS}"
    )


# -- the Edge TPU's library, a stand-in under its name ----------------------------------------------------------

CLASSIFY = """
import sys
import numpy as np
from edgeready_device.errors import EdgereadyError
from edgeready_device.model import Model
try:
    model = Model.load(sys.argv[1], runtime=sys.argv[2], delegate=sys.argv[3])
    print(model.delegate.name, model.delegate.ops_taken, model.invoke(model.quantize(np.eye(2, dtype=np.uint8))))
except EdgereadyError as error:
    print(error.exit_code, error)
"""


@pytest.fixture
def with_edgetpu(library, model, runtime, tmp_path):
    """What a process with the stand-in as libedgetpu.so.1 prints for a model and a delegate's name."""
    shutil.copy(library, tmp_path / "libedgetpu.so.1")

    def call(name: str, delegate: str, folder: Path = tmp_path) -> str:
        command = [sys.executable, "-c", CLASSIFY, str(model(name)), runtime.name, delegate]
        environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stderr == ""
        return done.stdout.strip()

    return call


@pytest.mark.parametrize("name", ["edgetpu", "edgetpu:usb"])
def test_the_edge_tpu_is_found_by_its_librarys_name(with_edgetpu, name):
    assert with_edgetpu("compiled", name) == f"{name} 1 [1 0 0 1]"


def test_an_edge_tpu_that_is_not_there_is_told_with_what_looks_for_it(with_edgetpu):
    assert with_edgetpu("compiled", "edgetpu:pci") == (
        "6 libedgetpu.so.1 finds no Edge TPU for 'edgetpu:pci': run edgeready-device doctor, which looks for the "
        "device, its driver and its permissions"
    )


def test_a_file_that_is_not_compiled_is_told_on_an_edge_tpu(with_edgetpu):
    assert with_edgetpu("conv", "edgetpu") == (
        "6 the delegate edgetpu took 0 of 7 ops; the file is not compiled for the Edge TPU: run edgeready compile, "
        "or leave --delegate out"
    )


def test_without_the_library_the_package_is_named(with_edgetpu, tmp_path):
    (tmp_path / "none").mkdir()
    found = with_edgetpu("compiled", "edgetpu", tmp_path / "none")
    assert found.startswith("6 the Edge TPU's library does not load (libedgetpu.so.1: cannot open shared object file")
    assert "install a libedgetpu1-std that was rebuilt for this runtime (docs/coral.md)" in found


# -- the child -------------------------------------------------------------------------------------------------


def test_a_trial_gives_the_first_values_and_its_times(model, runtime):
    result = try_model(TrialRequest(runtime.name, fill=7), model("echo_rgb").read_bytes())
    assert result.ran
    assert result.output == (7.0,) * 12
    assert result.load_s > 0 < result.first_run_s


def test_a_trial_of_a_model_that_is_refused_has_the_reason(model, runtime):
    result = try_model(TrialRequest(runtime.name), model("misfit").read_bytes())
    assert (result.ran, result.exit.code) == (False, 0)
    assert result.error.startswith(f"{runtime} refuses the model: ")


def test_a_child_that_says_nothing_did_not_run(model, litert, monkeypatch):
    monkeypatch.setattr(trial, "run_child", lambda *_, **__: isolation.ChildExit(None, "SIGBUS"))
    assert not try_model(TrialRequest(litert.name), b"").ran


def test_a_module_in_the_current_folder_does_not_stand_in_for_a_standard_one(tmp_path, monkeypatch, model, litert):
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert try_model(TrialRequest(litert.name), model("conv").read_bytes()).ran


def test_the_processor_of_a_file_is_read_from_its_head(tmp_path):
    path = tmp_path / "x"
    for data, found in [
        (b"", ""),
        (b"\x7fELF" + bytes(10), ""),
        (b"\x7fELF\x02\x01" + bytes(12) + b"\xb7\0", "arm64"),
        (b"\x7fELF\x01\x02" + bytes(12) + b"\0\x28", "32-bit Arm"),
        (b"\x7fELF\x01\x01" + bytes(12) + b"\x08\0", "machine 8"),
    ]:
        path.write_bytes(data)
        assert under_test._processor_of(path) == found


# -- the commands ----------------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys):
    def call(*arguments):
        return (cli.main([str(argument) for argument in arguments]), *capsys.readouterr())

    return call


@pytest.fixture
def image(tmp_path) -> Path:
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed here")
    pillow.fromarray(FRAME).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_classify_runs_a_compiled_model_in_its_delegate(run, model, image, delegate_library):
    code, out, err = run("classify", model("compiled"), image, "--delegate", delegate_library, "--top", 1)
    assert (code, err) == (0, "")
    assert out.startswith(f"{image}: 3 ")  # 4 is the largest pixel, and it is the last


def test_classify_without_it_says_what_is_missing(run, model, image):
    code, out, err = run("classify", model("compiled"), image)
    assert (code, out) == (6, "")
    assert "1 of 1 ops are compiled for the Edge TPU (edgetpu-custom-op), which no CPU runs" in err
    assert err.count("\n") == 1


def test_a_crash_in_the_delegate_is_exit_code_6_and_one_line(run, model, image, delegate_library):
    code, out, err = run("classify", model("compiled"), image, "--delegate", f"{delegate_library},invoke=crash")
    assert (code, out, err.count("\n")) == (6, "", 1)
    assert "in a trial run it was ended by SIGSEGV" in err


@pytest.mark.parametrize(
    ("delegate", "code", "part"),
    [("edgtpu", 2, "the delegate 'edgtpu' is unknown"), ("./none.so", 4, "./none.so: no such file")],
)
def test_a_delegate_that_cannot_be_meant_is_told(run, model, image, delegate, code, part):
    found, out, err = run("classify", model("conv"), image, "--delegate", delegate)
    assert (found, out) == (code, "")
    assert part in err
