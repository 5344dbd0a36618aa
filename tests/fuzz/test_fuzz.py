"""A short run of the fuzzing in tests/fuzz/run: damaged copies of the corpus, then whatever hypothesis thinks of."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated, places
from targets import TARGETS

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.reader import flatbuffer_of
from edgeready_device.tflite.structure.verification import verified_graph

HERE = Path(__file__).parent
TRIES = 80
LIMIT_S = 5.0


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_itself_is_accepted(name):
    target = TARGETS[name]
    if name == "image":  # a GIF and CMYK among them: what is refused is refused with a sentence
        assert [target.survives(data) for data in target.seeds()].count(True) >= 4
        return
    assert all(target.survives(data) for data in target.seeds())


@pytest.mark.parametrize("name", TARGETS)
def test_a_damaged_copy_of_the_corpus_is_accepted_or_refused_with_one_sentence_in_time(name):
    target, source = TARGETS[name], random.Random(20)
    seeds = target.seeds()
    accepted = 0
    for _ in range(TRIES):
        data = mutated(source.choice(seeds), source, (), seeds)[1]
        started = time.perf_counter()
        accepted += target.survives(data)
        assert time.perf_counter() - started < LIMIT_S
    assert accepted < TRIES or name == "labels"


def test_a_changed_field_is_accepted_or_refused_by_the_verifier():
    target, source = TARGETS["verifier"], random.Random(21)
    refused = 0
    for data in target.seeds():
        steering = places(flatbuffer_of(data))
        for _ in range(10):
            refused += not target.survives(mutated(data, source, steering)[1])
    assert refused > 200


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25)
@given(data=st.data())
def test_bytes_that_hypothesis_puts_in_are_accepted_or_refused(name, data):
    target = TARGETS[name]
    seed = data.draw(st.sampled_from(target.seeds()))
    place = data.draw(st.integers(0, len(seed)))
    put = data.draw(st.binary(max_size=64))
    target.survives(seed[:place] + put + seed[place + data.draw(st.integers(0, 64)) :])


def test_a_cut_model_is_always_refused():
    for seed in TARGETS["verifier"].seeds()[::9]:
        for size in range(0, len(seed) - 64, 97):
            with pytest.raises(ModelFileError):
                verified_graph(seed[:size])


def test_the_script_fuzzes_guided_by_coverage(tmp_path):
    pytest.importorskip("atheris", reason="coverage-guided fuzzing needs the extra `fuzz`")
    command = [sys.executable, str(HERE / "run"), "--seconds", "1", "--target", "log"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "cov: " in done.stdout


def test_the_script_works_without_atheris():
    command = [sys.executable, str(HERE / "run"), "--seconds", "0.2", "--target", "graph", "--plain"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("graph: ")
