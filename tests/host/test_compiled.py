"""The packages inside compiled files, read without a device."""

from __future__ import annotations

import random

import pytest
from compiled_models import CUSTOM, compiled, executable, mixed, options, package, two_executables
from tflite_models import O, T, conv_classifier

from edgeready.edgetpu.compiled import Executable, Package, read_packages
from edgeready.errors import ModelFileError
from edgeready_device.tflite.graph import Graph, read_graph


def graph(held: bytes) -> Graph:
    ends = [T("x", (1, 4), "int8", 0.1), T("y", (1, 4), "int8", 0.1)]
    return read_graph(
        compiled(ends, [O("CUSTOM", ["x"], ["y"], custom_code=CUSTOM)], held, inputs=["x"], outputs=["y"])
    )


def test_a_package_tells_its_runtime_and_what_its_executables_hold():
    held = two_executables()
    [found] = read_packages(graph(options(held)))
    first, second = found.executables
    assert (found.op, found.min_runtime_version) == (0, 14)
    assert (first.kind, first.parameter_bytes, first.instruction_bytes, first.caching_token) == (
        "parameter-caching",
        800,
        0,
        7,
    )
    assert (second.kind, second.parameter_bytes, second.instruction_bytes, second.scratch_bytes) == (
        "execution-only",
        30,
        30,
        5,
    )
    assert (found.cached_bytes, found.streamed_bytes) == (800, 30)
    assert found.size_bytes < len(held)


def test_a_stand_alone_executable_streams_all_its_parameters():
    [found] = read_packages(graph(options(package([executable(0, 64)], runtime=10))))
    assert (found.min_runtime_version, found.cached_bytes, found.streamed_bytes) == (10, 0, 64)
    assert found.executables[0].kind == "stand-alone"


def test_a_kind_that_the_schema_does_not_know_keeps_its_number():
    [found] = read_packages(graph(options(package([executable(9)]))))
    assert found.executables[0].kind == "type 9"


def test_a_package_without_executables_is_empty():
    assert read_packages(graph(options(package([]))))[0].executables == ()


def test_a_file_that_is_not_compiled_has_no_packages():
    assert read_packages(read_graph(conv_classifier())) == ()
    assert read_packages(read_graph(mixed()[0])) == ()


def test_the_packages_of_a_file_belong_to_its_edge_tpu_ops():
    assert [(one.op, len(one.executables)) for one in read_packages(read_graph(mixed()[1]))] == [(0, 2)]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (b"", "holds no package"),
        (b"no package here at all", "holds no package"),
        (b"DWN1 too early", "holds no package"),
        (b"\xff\xff\xff\xffDWN1", "the package in op 0 edgetpu-custom-op: the offset"),
        (b"\x04\x00\x00\x00DWN1", "the package in op 0"),
        (options(two_executables())[:60], "the package in op 0"),
        (options(package([b"", b""])), "the package in op 0"),
        (options(package([b"\xff" * 40])), "the package in op 0"),
        (options(package([executable()] * 1001)), "it has 1001 executables"),
    ],
    ids=["empty", "text", "no offset", "far", "no table", "cut", "empty executables", "garbage", "too many"],
)
def test_a_damaged_package_is_one_clear_error(held, said):
    with pytest.raises(ModelFileError, match=said) as error:
        read_packages(graph(held))
    assert "\n" not in str(error.value)


def test_an_executable_that_runs_past_its_package_is_refused():
    inner = executable(2, 100)
    held = options(package([inner]))
    at = held.index(inner) - 4
    assert int.from_bytes(held[at : at + 4], "little") == len(inner)
    longer = held[:at] + (len(inner) + 1000).to_bytes(4, "little") + held[at + 4 :]
    with pytest.raises(ModelFileError, match=rf"executable 0 of {len(inner) + 1000} bytes runs past its end"):
        read_packages(graph(longer))


def test_a_package_with_flipped_bytes_is_read_or_refused():
    source = random.Random(5)
    held = options(two_executables())
    refused = 0
    for _ in range(400):
        data = bytearray(held)
        for _ in range(source.choice((1, 2, 8))):
            data[source.randrange(len(data))] = source.randrange(256)
        try:
            [found] = read_packages(graph(bytes(data)))
        except ModelFileError:
            refused += 1
        else:
            assert isinstance(found, Package)
            assert all(isinstance(one, Executable) for one in found.executables)
            assert sum(one.parameter_bytes for one in found.executables) <= 1000 * len(data)
    assert 20 < refused < 380
