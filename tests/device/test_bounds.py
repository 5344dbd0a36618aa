"""Numbers of threads and workers are bounded by the CPUs that the process may use, and the command says so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgeready_device import cli
from edgeready_device.machine import machine
from edgeready_device.model import Model
from edgeready_device.runtime import runtime as runtimes
from edgeready_device.session import Session

QUICK = ("--runs", "1", "--min-time", "0", "--warmup-runs", "0", "--warmup-time", "0", "--json")


@pytest.fixture(autouse=True)
def _two_cpus(monkeypatch):
    monkeypatch.setattr(machine, "available_cpus", lambda: 2)


@pytest.fixture
def threads(monkeypatch):
    """The numbers of threads that the runtime is asked for."""
    asked = []
    module_of = runtimes.runtime_module

    class Spy:
        def __init__(self, module):
            self.OpResolverType = module.OpResolverType
            self.Interpreter = lambda **options: asked.append(options["num_threads"]) or module.Interpreter(**options)

    monkeypatch.setattr(runtimes, "runtime_module", lambda runtime: Spy(module_of(runtime)))
    return asked


@pytest.mark.parametrize(("count", "used"), [(1, 1), (2, 2), (3, 2), (100_000, 2)])
def test_a_model_has_no_more_threads_than_cpus(model, litert, threads, count, used):
    for opened in (kind.load(model("sums"), runtime=litert.name, threads=count) for kind in (Model, Session)):
        assert opened.threads == used
    assert threads == [used, used]


def test_benchmark_bounds_them_with_a_sentence(complete, litert, threads, capsys):
    words = ["benchmark", str(complete()), "--runtime", litert.name, "--threads", "100000", "--trusted", *QUICK]
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert err == "edgeready-device: --threads 100000: this process may use 2 CPUs, and threads are no more\n"
    assert (json.loads(out)["threads"], threads) == (2, [2])


def test_evaluate_bounds_its_workers(complete, litert, threads, capsys, tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((640, 2, 2), np.uint8), y=np.zeros(640, int))
    words = ["evaluate", str(complete()), str(tmp_path / "d.npz"), "--workers", "5000", "--runtime", litert.name]
    assert cli.main([*words, "--trusted"]) == 0
    assert capsys.readouterr().err == (
        "edgeready-device: --workers 5000: this process may use 2 CPUs, and workers are no more\n"
    )
    assert len(threads) == 2


@pytest.mark.parametrize(
    ("given", "tried", "message"),
    [
        ("1,2", [1, 2], ""),
        ("1,2,64,100000", [1, 2], "--threads 100000: this process may use 2 CPUs, and threads are no more"),
        ("4", [2], "--threads 4: this process may use 2 CPUs, and threads are no more"),
    ],
)
def test_tune_tries_each_bounded_number_once(complete, litert, capsys, given, tried, message):
    words = ["tune", str(complete()), "--threads", given, "--runtime", litert.name, "--seconds", "0.05", "--dry-run"]
    assert cli.main([*words, "--json"]) in (0, 1)  # 1 on an emulated machine, where nothing is chosen
    out, err = capsys.readouterr()
    assert [candidate["threads"] for candidate in json.loads(out)["candidates"]] == tried
    assert err.splitlines()[:1] == ([f"edgeready-device: {message}"] if message else err.splitlines()[:1])


@pytest.mark.parametrize("count", ["0", "-3"])
def test_less_than_one_is_refused_as_before(complete, capsys, count):
    assert cli.main(["benchmark", str(complete()), f"--threads={count}", "--trusted"]) == 2
    assert capsys.readouterr().err == f"edgeready-device: threads is {count}: ask for at least 1\n"
