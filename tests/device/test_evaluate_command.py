"""`edgeready-device evaluate`: what its options add."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready_device import cli

FRAME = np.array([[16, 8], [4, 12]], np.uint8)  # `sums` answers class 0


@pytest.fixture
def run(capsys, model, tmp_path):
    """Evaluates `sums` on four frames of which three are right: exit code, standard output, standard error."""
    path = tmp_path / "data.npz"
    frames = np.array([FRAME, FRAME[:, ::-1], [[0, 0], [200, 200]], FRAME], np.uint8)
    np.savez(path, x=frames, y=np.array([0, 1, 2, 1]))

    def call(*arguments: object):
        code = cli.main(["evaluate", str(model("sums")), str(path), *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_confusion_is_shown(run):
    code, out, err = run("--confusion")
    assert (code, err) == (0, "")
    assert out.splitlines()[-4:] == [
        "true, and taken for  0  1  2",
        "0 0                  1  0  0",
        "1 1                  1  1  0",
        "2 2                  0  0  1",
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_do_not_change_the_answer(run, workers, monkeypatch):
    monkeypatch.setattr("edgeready_device.machine.machine.available_cpus", lambda: 3)
    assert run("--workers", workers) == run()


def test_no_worker_is_a_usage_error(run):
    assert run("--workers", 0) == (2, "", "edgeready-device: workers is 0: ask for at least 1\n")


def test_labels_and_normalization_are_those_of_the_options(run, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("up\ndown\nboth\n")
    code, out, _ = run("--labels", labels, "--mean", 0, "--std", 1)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[6:]] == ["up", "down", "both"]


def test_labels_that_do_not_fit_are_bad_input(run, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("up\n")
    code, out, err = run("--labels", labels)
    assert (code, out) == (3, "")
    assert "1 labels for 3 classes" in err
