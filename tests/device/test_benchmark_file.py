from __future__ import annotations

import json

import pytest

from edgeready_device.benchmarking.benchmark_file import SCHEMA, Measurement, read_measurement, write_measurement
from edgeready_device.errors import MeasurementError, NotFoundError, OutputError

DOCUMENT = {
    "schema": SCHEMA,
    "model": "m.tflite",
    "sha256": "ab" * 32,
    "runtime": "ai-edge-litert 2.3.0",
    "threads": 2,
    "kernels": "default",
    "delegate": {"name": "edgetpu", "ops_taken": 5, "ops_total": 6},
    "machine": {"board": "Raspberry Pi 5", "processor": "CPU part 0xd0b"},
    "emulated": False,
    "unsteady": [{"kind": "busy", "detail": "it was", "advice": "wait"}],
    "latencies_s": [0.25, 1, 0.5],
}


@pytest.fixture
def written(tmp_path):
    def make(**changes):
        path = tmp_path / "a.json"
        document = {key: value for key, value in {**DOCUMENT, **changes}.items() if value is not Ellipsis}
        path.write_text(json.dumps(document))
        return path

    return make


def test_a_measurement_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "a.json"
    write_measurement(path, DOCUMENT)
    assert read_measurement(path) == Measurement(
        path,
        "m.tflite",
        "ab" * 32,
        "ai-edge-litert 2.3.0",
        2,
        "default",
        "edgetpu",
        "Raspberry Pi 5",
        False,
        ("busy",),
        (0.25, 1.0, 0.5),
    )


def test_a_machine_without_a_board_is_its_processor(written):
    assert read_measurement(written(machine={"board": "", "processor": "Xeon"})).machine == "Xeon"


@pytest.mark.parametrize(
    ("changes", "virtual"), [({"virtual": True}, True), ({"virtual": False}, False), ({}, False)]
)
def test_a_measurement_says_whether_its_machine_was_virtual(written, changes, virtual):
    assert read_measurement(written(**changes)).virtual is virtual


@pytest.mark.parametrize("delegate", [None, ...])
def test_no_delegate_is_empty(written, delegate):
    assert read_measurement(written(delegate=delegate)).delegate == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "edgeready-benchmark 9"}, "its schema is 'edgeready-benchmark 9', not 'edgeready-benchmark 1'"),
        ({"schema": ...}, "its schema is 'None'"),
        ({"schema": ["x"] * 1000}, "its schema is "),
        ({"latencies_s": []}, "'latencies_s' is empty: measure again"),
        ({"latencies_s": ...}, "'latencies_s' is 'None', no list"),
        ({"latencies_s": [0.1, float("nan")]}, "'latencies_s' has nan at 1, no time above 0"),
        ({"latencies_s": [float("inf")]}, "'latencies_s' has inf at 0"),
        ({"latencies_s": [0.1, 0.0]}, "'latencies_s' has 0.0 at 1"),
        ({"latencies_s": [-1.0]}, "'latencies_s' has -1.0 at 0"),
        ({"latencies_s": ["0.1"]}, "'latencies_s' has 0.1 at 0"),
        ({"latencies_s": [True]}, "'latencies_s' has True at 0"),
        ({"latencies_s": [[0.1]]}, "'latencies_s' has [0.1] at 0"),
        ({"latencies_s": [10**400]}, "'latencies_s' has 1000"),
        ({"threads": 0}, "'threads' is 0, not 1 or more"),
        ({"threads": True}, "'threads' is True"),
        ({"threads": "2"}, "'threads' is '2', no int"),
        ({"emulated": "no"}, "'emulated' is 'no', no bool"),
        ({"virtual": "no"}, "'virtual' is 'no', no bool"),
        ({"machine": None}, "'machine' is 'None', no dict"),
        ({"machine": {"board": 5}}, "'board' is '5', no str"),
        ({"unsteady": ["busy"]}, "'unsteady' holds other things than reasons"),
        ({"unsteady": [{}]}, "'kind' is 'None', no str"),
        ({"delegate": "edgetpu"}, "'delegate' is 'edgetpu', no dict"),
        ({"runtime": 5}, "'runtime' is '5', no str"),
    ],
)
def test_a_file_that_is_no_measurement_is_told_by_its_field(written, changes, message):
    path = written(**changes)
    with pytest.raises(MeasurementError) as caught:
        read_measurement(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert len(str(caught.value)) < len(str(path)) + 160
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "contents",
    [b"", b"not json", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"[]", b"null", b"5", b'"text"', b"TFL3" * 8],
)
def test_a_file_of_another_kind_is_one_line(tmp_path, contents):
    path = tmp_path / "a.json"
    path.write_bytes(contents)
    with pytest.raises(MeasurementError, match=r"make it with benchmark --out$"):
        read_measurement(path)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no such file; make it with benchmark --out"):
        read_measurement(tmp_path / "none.json")


def test_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_measurement(tmp_path)


def test_a_sparse_file_of_a_terabyte_is_refused_unread(tmp_path):
    path = tmp_path / "a.json"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(MeasurementError, match="bytes, more than a measurement has"):
        read_measurement(path)


def test_a_folder_that_is_missing_is_said_when_it_is_written(tmp_path):
    with pytest.raises(OutputError):
        write_measurement(tmp_path / "none" / "a.json", DOCUMENT)
