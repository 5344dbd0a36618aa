"""The command `search`: what it refuses, what it shows, and that a search which was broken off goes on."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from search_cases import candidate, result

from edgeready.cli.search import explain_rest
from edgeready.config.search import BudgetConfig
from edgeready.errors import OutputError
from edgeready.network_search.board import BoardSpeed
from edgeready.network_search.limits import Limits
from edgeready.report.search import count_text, plan_view, search_view, write_search


def text_of(view) -> str:
    stream = io.StringIO()
    Console(file=stream, width=200, soft_wrap=True).print(view)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["digits", "--output", "out"],
            2,
            "nothing bounds the network: give --max-size, --max-macs, --max-ms or --fits-cache",
        ),
        (
            ["digits", "--max-size", "24K"],
            2,
            "nowhere to write the models to: give --output FOLDER, or --dry-run to see the candidates",
        ),
        (
            ["digits", "--max-size", "big", "--dry-run"],
            2,
            "--max-size is 'big': write a number above 0, such as 24576, 500K, 96Ki or 1M",
        ),
        (
            ["digits", "--max-ms", "5", "--dry-run"],
            2,
            "--max-ms needs --board RESULT.json: measure any model there with edgeready-device benchmark --out",
        ),
        (
            ["digits", "--max-ms", "5", "--board", "gone.json", "--output", "out"],
            4,
            "gone.json: no such file; make it with benchmark --out",
        ),
        (
            ["digits", "--max-size", "24K", "--image-size", "32", "--output", "out"],
            2,
            "--image-size is for folders of images, and 'digits' is none: leave it out",
        ),
        (
            ["digits", "--max-size", "24K", "--image-size", "big", "--dry-run"],
            2,
            "the image size is 'big': write 96 or 96x128 (height x width)",
        ),
        (["gone.npz", "--max-size", "24K", "--output", "out"], 4, "no data set or path 'gone.npz': use "),
        (["digits", "--max-size", "24K", "--output", "out", "--epochs", "0"], 2, "epochs is 0: train for at least 1"),
    ],
)
def test_what_cannot_be_searched_is_one_line_and_leaves_nothing(run_here, tmp_path, words, code, message):
    ended, out, err = run_here("search", *words)
    assert (ended, out) == (code, "")
    assert err.startswith(f"edgeready: {message}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_candidates_are_shown_with_what_they_cost():
    limits = Limits(budget=BudgetConfig(max_size=30_000))
    plan = result(Path("out")).plan
    assert text_of(plan_view(plan)).splitlines() == [
        "network                  bytes  MACs  cache",
        "small-resnet-0.6-32x32  20,088   2 M  0.1 %",
        "small-resnet-0.5-32x32  17,088   1 M  0.1 %",
        "deep-resnet-0.2-32x32   16,088   500  0.1 %",
        "",
        "bytes        of the whole file with one golden vector and no image hashes, estimated at first",
        "cache        share of the Edge TPU's memory for parameters",
    ]
    speed = BoardSpeed(board="Pi 4", model="net.tflite", ms=4.0, macs=2_000_000, unsteady=("busy",))
    slow = Limits(budget=limits.budget, ms_per_mac=speed.ms_per_mac)
    timed = replace(plan, speed=speed, candidates=(candidate(limits=slow),))
    assert text_of(plan_view(timed)).splitlines()[1:2] + text_of(plan_view(timed)).splitlines()[-3:] == [
        "small-resnet-0.5-32x32  18,088   1 M  0.1 %   2 ms",
        "about        estimated: net.tflite took 4 ms for 2 M on Pi 4;",
        "             edgeready-device benchmark on the board has the last word",
        "             that measurement is not to be relied on: busy",
    ]
    assert [count_text(count) for count in (999, 1000, 12_501_632, 3 * 10**9)] == ["999", "1 K", "12.5 M", "3 G"]


def test_the_finals_come_first_and_the_best_is_chosen_by_the_validation(tmp_path):
    search = result(tmp_path, left_out="small-resnet-0.4-32x32 to the end takes about --max-hours 2")
    lines = text_of(search_view(search)).splitlines()
    assert lines[:4] == [
        "network                  bytes  MACs  cache    trial  epochs    final    uint8",
        "small-resnet-0.6-32x32  22,000   2 M  0.1 %  90.00 %      10  93.00 %  90.50 %",
        "small-resnet-0.5-32x32  19,000   1 M  0.1 %  85.00 %      10  88.00 %  90.50 %",
        "deep-resnet-0.2-32x32   16,088   500  0.1 %     none       3",
    ]
    assert lines[-3:] == [
        "left out     small-resnet-0.4-32x32 to the end takes about --max-hours 2",
        "",
        f"best         {tmp_path}/small-resnet-0.6-32x32.tflite, 22,000 B",
    ]
    assert search.doubts == ()
    write_search(search, plots=False)
    document = json.loads((tmp_path / "search.json").read_text())
    assert document == json.loads(json.dumps(search.to_dict()))
    assert document["best"] == f"{tmp_path}/small-resnet-0.6-32x32.tflite"
    assert (document["front"], [trial["validation"] for trial in document["trials"]]) == (
        ["small-resnet-0.6-32x32", "small-resnet-0.5-32x32"],
        [0.8, 0.75, None, 0.9, 0.85],
    )


def test_a_file_that_came_out_too_large_is_not_the_best_and_doubts_are_said(tmp_path):
    search = result(tmp_path, excess=1)
    assert search.best == search.finals[1]
    assert search.doubts == ("it is no better than a guess",)
    assert "doubt        it is no better than a guess" in text_of(search_view(search))
    nothing = replace(search, finals=search.finals[:1])
    assert (nothing.best, nothing.doubts) == (None, ("no network that was trained to the end keeps the budget",))
    assert nothing.to_dict()["best"] is None


def test_the_search_is_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")
    paths = write_search(result(tmp_path), plots=True)
    assert [path.name for path in paths] == ["search.json", "search.png"]
    assert (tmp_path / "search.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("count", "fact"), [(0, ""), (1, "1 training is kept"), (2, "2 trainings are kept")])
def test_a_search_that_does_not_end_says_how_it_goes_on(tmp_path, capsys, count, fact):
    (tmp_path / "state").mkdir()
    for number in range(count):
        (tmp_path / "state" / f"{number}.json").write_text("{}")
    with pytest.raises(KeyboardInterrupt), explain_rest(tmp_path):
        raise KeyboardInterrupt
    expected = f"edgeready: {fact} in {tmp_path}: the same command goes on from there\n" if count else ""
    assert capsys.readouterr().err == expected
    with pytest.raises(OutputError), explain_rest(tmp_path):
        raise OutputError("another search is at work")
    assert capsys.readouterr().err == ""


@pytest.mark.long  # 50 seconds of processor time: TensorFlow starts six times
@pytest.mark.tensorflow
def test_a_search_makes_a_file_within_the_budget_and_goes_on_where_it_was(run_here, tmp_path):
    words = ["search", "digits", "--max-size", "24Ki", "--network", "small-resnet", "--epochs", "2", "--finals", "1"]
    code, out, err = run_here(*words, "--output", "out", "--json")
    document = json.loads(out)
    assert code in (0, 1), err  # two epochs may be too few for digits
    (final,) = document["finals"]
    assert document["best"] == final["file"] == f"out/{final['name']}.tflite"
    assert final["size_bytes"] == (tmp_path / final["file"]).stat().st_size <= 24_576
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "question.json",
        "search.json",
        "state",
        f"{final['name']}.tflite",
    }
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "state").iterdir()}
    assert len(before) == 3
    again, out, err = run_here(*words, "--output", "out", "--json")
    assert (again, json.loads(out), "training" in err) == (code, document, False)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    code, _, err = run_here(*words, "--output", "out", "--learning-rate", "0.1")
    assert (code, err.count("\n")) == (3, 1)
    assert "out holds the search with learning_rate 0.002, not 0.1: repeat its options to go on" in err
