"""A conversion gives the network's answers, packs each file twice at most, and reads each flatbuffer once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import builds
import numpy as np
import pytest

from edgeready.model_file import writer
from edgeready.workflows import build as workflow
from edgeready.workflows import modes as modes_workflow
from edgeready_device.model_file.golden import read_golden
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite import graph

pytestmark = builds.NEEDS_TENSORFLOW


@contextmanager
def counted_work() -> Iterator[tuple[Counter[str], Counter[str]]]:
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

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(graph, "_subgraphs", counted_parse)
        monkeypatch.setattr(writer, "with_parts", counted_pack)
        yield parses, packs


@pytest.fixture(scope="module")
def conversion(digits, tmp_path_factory):
    """What converting the kept Keras model of `digits` gave, and its work: parses and packs."""
    out = tmp_path_factory.mktemp("conversion") / "model.tflite"
    config = builds.config_of("digits", str(digits.config.output.keras_out), out, save_float=True, vectors=5)
    with counted_work() as work:
        result = workflow.convert(config)
    return config, result, work


def test_a_conversion_parses_each_flatbuffer_once_and_packs_each_file_at_most_twice(conversion):
    config, result, (parses, packs) = conversion
    files = (config.output.out, config.output.float_out)
    assert all(path.exists() for path in files)
    assert set(parses.values()) == {1}
    assert len(parses) == 4  # float32 and uint8, as they came and with their metadata
    assert len(packs) == len(files)
    assert max(packs.values()) <= 2
    assert result.comparison is not None
    assert len(read_golden(read_model_file(config.output.out).golden_npz).inputs) == config.output.vectors


def test_converting_the_kept_keras_model_gives_the_same_answers(digits, conversion):
    one, two = digits.result.comparison, conversion[1].comparison
    assert np.array_equal(two.model.accuracy.outputs, one.model.accuracy.outputs)
    assert np.array_equal(two.baseline.accuracy.outputs, one.baseline.accuracy.outputs)


def test_a_conversion_states_no_training_and_takes_the_files_name(conversion):
    config, result, _ = conversion
    file = read_model_file(config.output.out)
    assert file.manifest is not None
    assert file.manifest.name == "model"
    assert "training" not in file.manifest.provenance
    assert result.training is None


@pytest.mark.long
def test_each_mode_is_parsed_once_and_packed_at_most_twice_too(digits, tmp_path):
    config = builds.config_of("digits", str(digits.config.output.keras_out), tmp_path / "model.tflite")
    with counted_work() as (parses, packs):
        modes_workflow.compare_modes(config, ["int8", "float16"], out=tmp_path / "modes")
    assert set(parses.values()) == {1}
    assert len(parses) == 6
    assert len(packs) == 3
    assert max(packs.values()) <= 2
