"""A model in a forked process answers there, or says why not: the runtime's threads have stayed in the parent."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
from forked_process import in_child

from edgeready_device.model import Model
from edgeready_device.session import Session


@pytest.fixture
def opened(model, runtime):
    found = Model.load(model("wide"), runtime=runtime.name, threads=2)
    frame = np.full((32, 32, 3), 77, np.uint8)
    found.classify(frame)
    return found, frame


def test_a_model_with_threads_answers_in_a_forked_process_and_in_its_own(opened):
    found, frame = opened
    answer = str(found.classify(frame))
    assert in_child(lambda: found.classify(frame)) == answer
    assert in_child(lambda: in_child(lambda: found.classify(frame))) == answer  # and in that one's child
    assert str(found.classify(frame)) == answer


def test_a_replica_and_a_described_model_answer_there_too(opened):
    found, frame = opened
    others = [found.replicate(), found.described_as(found.description)]
    for other in others:
        other.classify(frame)
    assert in_child(lambda: [other.classify(frame) for other in others]) == str([found.classify(frame)] * 2)


def test_a_session_answers_there_and_its_new_interpreter_is_its_own(opened, runtime):
    found, frame = opened
    session = Session.load(found.path, runtime=runtime.name, threads=2)
    expected = session.invoke([frame[np.newaxis]])[0].tolist()

    def work():
        before = session._interpreter
        outputs = session.invoke([frame[np.newaxis]])[0].tolist()
        return outputs, type(before).__name__, type(session._interpreter).__name__

    assert in_child(work) == str((expected, "Reopening", "Interpreter"))


def test_a_fork_in_the_middle_of_an_inference_leaves_no_lock(opened):
    found, frame = opened
    found.session._lock.acquire()
    try:
        text = in_child(lambda: len(found.classify(frame)))
    finally:
        found.session._lock.release()
    assert text == "3"


shared: dict[str, Model] = {}  # what a forked worker finds, as in a user's program


def run_shared(frame):
    return shared["model"].run(frame)


def test_a_pool_of_forked_workers_shares_a_loaded_model(opened, monkeypatch):
    found, frame = opened
    monkeypatch.setitem(shared, "model", found)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        answers = pool.map_async(run_shared, [frame] * 4).get(60)
    assert [answer.tolist() for answer in answers] == [found.run(frame).tolist()] * 4


def test_a_forked_process_ends_by_itself_without_waiting_for_the_parents_threads(model, runtime):
    code = (
        "import os, signal, sys, numpy\nfrom edgeready_device import Model\n"
        "model = Model.load(sys.argv[1], runtime=sys.argv[2], threads=2)\n"
        "frame = numpy.zeros((32, 32, 3), numpy.uint8)\n"
        "model.classify(frame)\nchild = os.fork()\nif not child:\n    signal.alarm(20)\n    model.classify(frame)\n"
        "    sys.exit(7)\nprint(os.waitpid(child, 0)[1] >> 8)"
    )
    # CPython 3.12 warns of every fork in a process with threads.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, str(model("wide")), runtime.name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_a_delegate_is_refused_there_with_a_sentence(model, delegate_library, litert):
    found = Model.load(model("conv"), runtime=litert.name, delegate=f"{delegate_library},take=22")
    frame = np.zeros((8, 8, 1), np.uint8)
    assert in_child(lambda: found.classify(frame)) == (
        f"RuntimeUnavailableError: {found.path}: it was opened with {delegate_library},take=22 before this process "
        "was forked, and a device belongs to one process: load the model in the process that uses it"
    )
    assert len(found.classify(frame)) == 3


def test_what_a_stream_remembers_stays_in_the_parent(model, runtime):
    found = Session.load(model("rnn"), runtime=runtime.name, keep_state=True)
    tensor = [np.full(spec.shape, 1, spec.dtype) for spec in found.inputs]
    first = found.invoke(tensor)[0].tolist()
    assert found.invoke(tensor)[0].tolist() != first
    assert in_child(lambda: found.invoke(tensor)[0].tolist()) == str(first)


def test_a_stand_in_of_a_test_is_kept(faked):
    found = faked("sums", lambda tensor: np.array([[1, 2, 3]], np.uint8))
    frame = np.zeros((2, 2, 1), np.uint8)
    assert in_child(lambda: found.classify(frame)) == str(found.classify(frame))
