from __future__ import annotations

import subprocess
import sys
import types
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from edgeready_device.errors import ModelFileError, RuntimeUnavailableError, UsageError
from edgeready_device.runtime import runtime as under_test
from edgeready_device.runtime.runtime import (
    RUNTIME_VARIABLE,
    Runtime,
    choose_runtime,
    installed_runtimes,
    open_interpreter,
)

LITERT = Runtime("ai-edge-litert", "2.3.0")
TFLITE = Runtime("tflite-runtime", "2.14.0")


@pytest.fixture
def installed(monkeypatch):
    """Pretends that exactly these runtimes are installed."""
    return lambda *runtimes: monkeypatch.setattr(under_test, "installed_runtimes", lambda: runtimes)


@pytest.fixture
def numpy_version(monkeypatch):
    return lambda version: monkeypatch.setattr(np, "__version__", version)


# -- the choice ------------------------------------------------------------------------------------------------


def test_a_runtime_prints_as_its_name_and_version():
    assert str(LITERT) == "ai-edge-litert 2.3.0"


def test_what_is_installed_is_known_by_name_and_version(runtime):
    assert runtime in installed_runtimes()
    assert runtime.version.split(".")[0].isdigit()


def test_litert_comes_first(installed, numpy_version):
    numpy_version("1.26.4")
    installed(LITERT, TFLITE)
    assert choose_runtime() == LITERT


def test_the_order_of_installed_runtimes_is_litert_first():
    names = [runtime.name for runtime in installed_runtimes()]
    assert names == [name for name in ("ai-edge-litert", "tflite-runtime") if name in names]
    assert names


def test_a_name_is_obeyed(installed, numpy_version):
    numpy_version("1.26.4")
    installed(LITERT, TFLITE)
    assert choose_runtime("tflite-runtime") == TFLITE


def test_the_environment_is_obeyed_where_no_name_is_given(installed, numpy_version, monkeypatch):
    numpy_version("1.26.4")
    installed(LITERT, TFLITE)
    monkeypatch.setenv(RUNTIME_VARIABLE, "tflite-runtime")
    assert choose_runtime() == TFLITE
    assert choose_runtime("ai-edge-litert") == LITERT


def test_an_empty_environment_variable_says_nothing(installed, monkeypatch):
    installed(LITERT)
    monkeypatch.setenv(RUNTIME_VARIABLE, "")
    assert choose_runtime() == LITERT


@pytest.mark.parametrize("by", ["name", "environment"])
def test_an_unknown_name_is_refused_with_those_that_there_are(installed, monkeypatch, by):
    installed(LITERT)
    monkeypatch.setenv(RUNTIME_VARIABLE, "onnx" if by == "environment" else "")
    with pytest.raises(UsageError) as caught:
        choose_runtime("onnx" if by == "name" else None)
    assert str(caught.value) == "the runtime 'onnx' is unknown: choose ai-edge-litert or tflite-runtime"
    assert caught.value.exit_code == 2


def test_a_runtime_that_is_not_installed_is_named_with_the_cure(installed):
    installed(LITERT)
    with pytest.raises(RuntimeUnavailableError) as caught:
        choose_runtime("tflite-runtime")
    assert str(caught.value) == (
        f"tflite-runtime is not installed for CPython {sys.version_info.major}.{sys.version_info.minor}: "
        "run pip install tflite-runtime"
    )
    assert caught.value.exit_code == 6


def test_no_runtime_at_all_says_what_to_install(installed):
    installed()
    with pytest.raises(RuntimeUnavailableError) as caught:
        choose_runtime()
    assert str(caught.value).startswith("no TFLite runtime is installed for CPython ")
    assert str(caught.value).endswith(": run pip install ai-edge-litert")


def test_tflite_runtime_is_passed_over_with_numpy_2(installed, numpy_version):
    numpy_version("2.1.0")
    installed(TFLITE, LITERT)
    assert choose_runtime() == LITERT


@pytest.mark.parametrize("name", [None, "tflite-runtime"])
def test_tflite_runtime_alone_with_numpy_2_is_refused_with_the_cure(installed, numpy_version, name):
    numpy_version("2.1.0")
    installed(TFLITE)
    with pytest.raises(RuntimeUnavailableError) as caught:
        choose_runtime(name)
    assert str(caught.value) == (
        "tflite-runtime 2.14.0 cannot work with numpy 2.1.0: run pip install 'numpy<2', or pip install ai-edge-litert"
    )


# -- the interpreter -------------------------------------------------------------------------------------------


def test_an_interpreter_runs(runtime, model):
    interpreter = open_interpreter(runtime, model("rank3").read_bytes())
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.arange(8, dtype=np.uint8).reshape(1, 2, 4))
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert found.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize(("kernels", "resolver"), [("default", "AUTO"), ("reference", "BUILTIN_REF")])
def test_threads_and_kernels_reach_the_runtime(monkeypatch, kernels, resolver):
    asked = []

    class Interpreter:
        def __init__(self, **options):
            asked.append(options)

        def allocate_tensors(self):
            asked.append("allocated")

    class OpResolverType:
        AUTO = "AUTO"
        BUILTIN_REF = "BUILTIN_REF"

    module = types.SimpleNamespace(Interpreter=Interpreter, OpResolverType=OpResolverType)
    monkeypatch.setattr(under_test.importlib, "import_module", lambda name: module)
    monkeypatch.setattr(under_test, "bound_threads", lambda count: count + 4)
    assert isinstance(open_interpreter(LITERT, b"model", 3, kernels=kernels), Interpreter)
    assert asked == [
        {"model_content": b"model", "num_threads": 7, "experimental_op_resolver_type": resolver},
        "allocated",
    ]


@pytest.mark.parametrize("threads", [0, -4])
def test_fewer_than_one_thread_is_refused(threads):
    with pytest.raises(UsageError, match=f"threads is {threads}: ask for at least 1") as caught:
        open_interpreter(LITERT, b"", threads)
    assert caught.value.exit_code == 2


def test_unknown_kernels_are_refused():
    with pytest.raises(UsageError, match="kernels is 'fast': choose default or reference"):
        open_interpreter(LITERT, b"", kernels="fast")


def test_a_runtime_that_does_not_load_is_refused_with_the_cure(monkeypatch):
    monkeypatch.setattr(under_test, "_MODULES", {"ai-edge-litert": "no_such_module"})
    with pytest.raises(RuntimeUnavailableError) as caught:
        open_interpreter(LITERT, b"")
    assert str(caught.value) == (
        "ai-edge-litert 2.3.0 does not load on this machine (No module named 'no_such_module'): "
        "install it again with pip install ai-edge-litert"
    )
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    "data",
    [b"", b"TFL3", bytes(4) + b"TFL3" + bytes(200), b"\x1c\0\0\0TFL3" + bytes(range(256))],
    ids=["empty", "four bytes", "zeros", "counting"],
)
def test_garbage_is_refused_by_litert(litert, data):
    with pytest.raises(ModelFileError) as caught:
        open_interpreter(litert, data)
    assert str(caught.value).startswith(f"{litert} refuses the model: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["unknown_op", "misfit"])
def test_a_model_that_cannot_be_prepared_is_refused(runtime, model, name):
    with pytest.raises(ModelFileError, match=r"refuses the model: (op 0 [A-Za-z]+|an op in \w+Delegate): .+"):
        open_interpreter(runtime, model(name).read_bytes())


@pytest.fixture
def board(monkeypatch):
    """Pretends to be on `processor` with wheels of `tag`."""

    class Wheel:
        def __init__(self, tag):
            self.tag = tag

        def read_text(self, name):
            return f"Wheel-Version: 1.0\nTag: {self.tag}\n" if name == "WHEEL" and self.tag else None

    def pretend(processor, tag):
        monkeypatch.setattr("platform.machine", lambda: processor)
        monkeypatch.setattr("importlib.metadata.distribution", lambda name: Wheel(tag))

    return pretend


ARMV7_WHEEL = "cp311-cp311-manylinux_2_34_armv7l"


def test_a_build_for_armv7_is_refused_on_armv6_before_it_is_loaded(board, monkeypatch):
    board("armv6l", ARMV7_WHEEL)
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail("was loaded"))
    with pytest.raises(RuntimeUnavailableError) as caught:
        open_interpreter(TFLITE, b"")
    assert str(caught.value) == (
        "tflite-runtime 2.14.0 is built for ARMv7 and this processor is older (armv6l), which would end in "
        "'Illegal instruction': take a Raspberry Pi Zero 2 W, 2 or newer"
    )
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("processor", "tag"),
    [
        ("armv7l", ARMV7_WHEEL),
        ("armv8l", ARMV7_WHEEL),
        ("aarch64", "cp311-cp311-manylinux_2_34_aarch64"),
        ("armv6l", "cp311-cp311-linux_armv6l"),  # somebody's own build
        ("armv6l", None),
    ],
)
def test_a_build_that_fits_the_processor_is_loaded(board, runtime, model, processor, tag):
    board(processor, tag)
    assert open_interpreter(runtime, model("rank3").read_bytes())


def test_a_runtime_without_metadata_is_loaded_on_armv6(runtime, model, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("platform.machine", lambda: "armv6l")
    monkeypatch.setattr("importlib.metadata.distribution", absent)
    assert open_interpreter(runtime, model("rank3").read_bytes())


# -- standard error, in a process of its own -------------------------------------------------------------------

LOAD = """
import sys
import numpy as np
from edgeready_device import Model
model = Model.load(sys.argv[1], runtime=sys.argv[2])
model.classify(np.zeros(model.input.shape[1:], np.uint8))
sys.stderr.write("the program's own line\\n")
"""


def test_the_runtimes_information_does_not_reach_standard_error(runtime, model):
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(model("conv")), runtime.name], capture_output=True, text=True, check=True
    )
    assert done.stderr == "the program's own line\n"


def test_a_closed_standard_error_does_not_stop_it(runtime, model):
    code = "import os\nos.close(2)\n" + LOAD.replace('sys.stderr.write("the program\'s own line\\n")', "print('ran')")
    done = subprocess.run(
        [sys.executable, "-c", code, str(model("conv")), runtime.name], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "ran\n"
