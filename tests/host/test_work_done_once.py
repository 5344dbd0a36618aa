"""A build packs each file at most twice and parses each flatbuffer once in this process."""

from __future__ import annotations

import hashlib
from collections import Counter

import builds
import pytest

from edgeready.model_file import writer
from edgeready.workflows import build as workflow
from edgeready.workflows import modes as modes_workflow
from edgeready_device.model_file.golden import read_golden
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite import graph

pytestmark = builds.NEEDS_TENSORFLOW


@pytest.fixture
def work(monkeypatch):
    """How often each flatbuffer was parsed, and each flatbuffer packed into a file, by its hash."""
    parses: Counter[str] = Counter()
    packs: Counter[str] = Counter()
    parse, pack = graph._subgraphs, writer.with_parts

    def counted_parse(data, trusted):
        parses[hashlib.sha256(data).hexdigest()] += 1
        return parse(data, trusted)

    def counted_pack(flatbuffer, parts):
        packs[hashlib.sha256(flatbuffer).hexdigest()] += 1
        return pack(flatbuffer, parts)

    monkeypatch.setattr(graph, "_subgraphs", counted_parse)
    monkeypatch.setattr(writer, "with_parts", counted_pack)
    return parses, packs


def test_a_conversion_parses_each_flatbuffer_once_and_packs_each_file_at_most_twice(digits, work, tmp_path):
    parses, packs = work
    keras = str(digits.config.output.keras_out)
    config = builds.config_of("digits", keras, tmp_path / "model.tflite", save_float=True, vectors=5)
    result = workflow.convert(config)
    files = (config.output.out, config.output.float_out)
    assert all(path.exists() for path in files)
    assert set(parses.values()) == {1}
    assert len(parses) == 4  # float32 and uint8, as they came and with their metadata
    assert len(packs) == len(files)
    assert max(packs.values()) <= 2
    assert result.comparison is not None
    assert len(read_golden(read_model_file(config.output.out).golden_npz).inputs) == config.output.vectors


def test_so_does_each_mode(digits, work, tmp_path):
    parses, packs = work
    config = builds.config_of("digits", str(digits.config.output.keras_out), tmp_path / "model.tflite")
    modes_workflow.compare_modes(config, ["int8", "float16"], out=tmp_path / "modes")
    assert set(parses.values()) == {1}
    assert len(parses) == 6
    assert len(packs) == 3
    assert max(packs.values()) <= 2
