"""LiteRT's shared library: which one is used, and what is checked before its answers are believed."""

from __future__ import annotations

import ctypes

import pytest

from edgeready_device.errors import RuntimeUnavailableError
from edgeready_device.profiling import litert_library
from edgeready_device.profiling.litert_library import (
    EVENT_BYTES,
    NAME,
    CompiledModel,
    Event,
    LibraryError,
    check_library,
    verify_events,
)
from edgeready_device.runtime.runtime import Runtime

MARK = 0xA5
NEEDS = (
    "profile needs ai-edge-litert 2.3 or newer, below 3, which is for CPython 3.10 or newer; run pip install "
    "'ai-edge-litert>=2.3,<3'"
)


@pytest.mark.parametrize("version", ["2.3.0", "2.3", "2.4.0.dev20260101", "2.10.1"])
def test_a_version_with_the_profiler_is_taken(tmp_path, version):
    (tmp_path / NAME).touch()
    assert check_library(Runtime("ai-edge-litert", version), ["nowhere", str(tmp_path)]) == tmp_path / NAME


@pytest.mark.parametrize("version", ["2.2.9", "1.4.0", "3.0.0", "3", "unknown", ""])
def test_another_version_is_refused_before_anything_is_called(tmp_path, version):
    (tmp_path / NAME).touch()
    runtime = Runtime("ai-edge-litert", version)
    with pytest.raises(RuntimeUnavailableError) as caught:
        check_library(runtime, [str(tmp_path)])
    assert str(caught.value) == f"{runtime} does not say what its ops take: {NEEDS}"


def test_tflite_runtime_is_refused(tmp_path):
    (tmp_path / NAME).touch()
    with pytest.raises(RuntimeUnavailableError, match=r"^tflite-runtime 2\.14\.0 does not say what its ops take"):
        check_library(Runtime("tflite-runtime", "2.14.0"), [str(tmp_path)])


def test_a_wheel_without_the_library_says_so(tmp_path):
    with pytest.raises(RuntimeUnavailableError, match=rf"^ai-edge-litert 2\.3\.0 has no {NAME} here"):
        check_library(Runtime("ai-edge-litert", "2.3.0"), [str(tmp_path)])


def test_another_system_is_refused_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / NAME).touch()
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(
        RuntimeUnavailableError, match=r"^profile needs 64-bit Linux, and this is darwin with 64 bits"
    ):
        check_library(Runtime("ai-edge-litert", "2.3.0"), [str(tmp_path)])


def test_32_bits_are_refused(tmp_path, monkeypatch):
    (tmp_path / NAME).touch()
    monkeypatch.setattr(litert_library, "c_void_p", ctypes.c_uint32)
    with pytest.raises(RuntimeUnavailableError, match=r"with 32 bits: take a machine that has it"):
        check_library(Runtime("ai-edge-litert", "2.3.0"), [str(tmp_path)])


def test_a_library_without_the_functions_is_an_error_that_names_one():
    with pytest.raises(LibraryError, match=r"^it has no function LiteRtCreateEnvironment$"):
        CompiledModel("libc.so.6", b"", 1, {})


def room_of(count: int, size: int) -> ctypes.Array:
    """What a library writes whose events have `size` bytes: pointers, and types that there are."""
    room = (ctypes.c_uint8 * (count * 256))(*([MARK] * count * 256))
    for place in range(count):
        ctypes.memset(ctypes.addressof(room) + place * size, 0, size)
        room[place * size + 8] = 2
    return room


def events_in(room: ctypes.Array, count: int) -> ctypes.Array:
    return (Event * count).from_buffer(room)


@pytest.mark.parametrize("count", [1, 3])
def test_events_of_the_known_size_and_types_are_believed(count):
    room = room_of(count, EVENT_BYTES)
    verify_events(room, events_in(room, count))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [72, 88, 112, 128, 240])
def test_events_of_another_size_are_an_error(count, size):
    room = room_of(count, size)
    with pytest.raises(LibraryError, match=rf"^its events do not have {EVENT_BYTES} bytes each$"):
        verify_events(room, events_in(room, count))


@pytest.mark.parametrize("kind", [0, 3, 512, -1])
def test_an_event_of_an_unknown_type_is_an_error(kind):
    room = room_of(2, EVENT_BYTES)
    events = events_in(room, 2)
    events[1].kind = kind
    with pytest.raises(LibraryError, match=rf"^its events have the unknown type {kind}$"):
        verify_events(room, events)
