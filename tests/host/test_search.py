"""Which networks a search tries, which go on, and what it refuses: on figures, without any training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from search_cases import candidate
from tflite_models import conv_classifier

from edgeready.config.search import BudgetConfig, SearchConfig, parse_count
from edgeready.errors import DocumentError, NotFoundError, OutputError, UsageError
from edgeready.files.lock import held_file
from edgeready.network_search.board import read_board_speed
from edgeready.network_search.candidates import choose_candidates, coarse_plans, fine_plans
from edgeready.network_search.halving import Trial, keep_best, last_trials, pareto_front, rung_epochs
from edgeready.network_search.limits import Limits
from edgeready.network_search.pace import Pace, duration_text
from edgeready.network_search.state import open_state, read_seconds, read_share

SIZE = Limits(budget=BudgetConfig(max_size=20_000))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("24576", 24576),
        ("24_576", None),
        ("96Ki", 98304),
        ("96KiB", 98304),
        ("1MB", 10**6),
        ("1 mb", 10**6),
        ("1Mi", 1 << 20),
        ("0.5M", 500_000),
        ("12M", 12_000_000),
        ("2G", 2 * 10**9),
        ("0", None),
        ("0.1", None),
        ("-5", None),
        ("1e6", None),
        ("1T", None),
        ("", None),
        ("many", None),
        ("1GiB", None),
        ("٣", None),
        ("9" * 400, None),
    ],
)
def test_a_limit_is_a_number_with_a_unit(text, number):
    if number is not None:
        assert parse_count("--max-size", text) == number
        return
    with pytest.raises(UsageError) as error:
        parse_count("--max-size", text)
    assert str(error.value) == f"--max-size is {text!r}: write a number above 0, such as 24576, 500K, 96Ki or 1M"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing bounds the network: give --max-size, --max-macs, --max-ms or --fits-cache"),
        ({"max_size": 0}, "--max-size is 0: give a number above 0"),
        ({"max_macs": -1}, "--max-macs is -1: give a number above 0"),
        ({"max_ms": 0.0, "board": "a.json"}, "--max-ms is 0: give milliseconds above 0"),
        ({"max_ms": float("nan"), "board": "a.json"}, "--max-ms is nan: give milliseconds above 0"),
        (
            {"max_ms": 5.0},
            "--max-ms needs --board RESULT.json: measure any model there with edgeready-device benchmark --out",
        ),
        ({"max_size": 9, "board": "a.json"}, "--board goes with --max-ms: give the longest inference, too"),
        (
            {"max_size": 9, "board_model": "a.tflite"},
            "--board-model goes with --board: give the file of benchmark --out, too",
        ),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(options, message):
    with pytest.raises(UsageError) as error:
        BudgetConfig(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": ("resnet50-v2",)}, "--network is 'resnet50-v2': choose "),
        ({"sizes": ((0, 32),)}, "the image size is (0, 32): use at least 1 pixel"),
        ({"finals": 0}, "--finals is 0: train 1 to 10 networks to the end"),
        ({"finals": 11}, "--finals is 11: train 1 to 10 networks to the end"),
        ({"max_hours": 0.0}, "--max-hours is 0: give hours above 0 and up to 1000"),
        ({"max_hours": float("nan")}, "--max-hours is nan: give hours above 0 and up to 1000"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(options, message):
    with pytest.raises(UsageError) as error:
        SearchConfig(**options)
    assert str(error.value).startswith(message)


def test_a_candidate_takes_the_largest_share_of_any_limit():
    limits = Limits(budget=BudgetConfig(max_size=40_000, max_macs=500_000, fits_cache=True))
    network = candidate(model_bytes=10_000, macs=1_000_000, limits=limits)
    assert network.file_bytes == 10_000 + 4_000 + 1_000 + 32 * 32 * 3 + 2 * 8
    assert limits.load_of(network) == 2.0
    streaming = replace(network.cost, macs=1, cached_bytes=7_864_320, streamed_bytes=7_864_320)
    assert limits.load_of(limits.candidate_of(streaming, ())) == 2.0
    slow = Limits(budget=BudgetConfig(max_ms=2.0, board=Path("a.json")), ms_per_mac=5e-6)
    assert (slow.candidate_of(network.cost, ()).ms, slow.load_of(slow.candidate_of(network.cost, ()))) == (5.0, 2.5)


def test_the_widths_that_are_tried_come_close_to_the_budget():
    plans = coarse_plans(("small-resnet",), [(32, 32, 3)], 2)
    assert [plan.alpha for plan in plans] == [0.1, 0.25, 0.5, 1.0, 2.0, 4.0]
    limits = Limits(budget=BudgetConfig(max_macs=2_250_000))
    coarse = [candidate(alpha=alpha, macs=int(alpha**2 * 9_000_000)) for alpha in (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)]
    assert [plan.alpha for plan in fine_plans(coarse, limits)] == [0.52, 0.48, 0.45, 0.35]  # 0.5 meets it
    wide = Limits(budget=BudgetConfig(max_macs=10**12))
    assert [plan.alpha for plan in fine_plans(coarse, wide)] == [3.9, 3.6, 2.8]  # 4 is the widest


def test_of_each_family_and_size_the_two_widest_that_fit_are_candidates_the_nearest_to_the_budget_first():
    tried = [
        candidate(alpha=0.5, model_bytes=6_000),
        candidate(alpha=0.52, model_bytes=6_000),  # the same channels
        candidate(alpha=0.6, model_bytes=7_000),
        candidate(alpha=0.4, model_bytes=3_000),
        candidate(alpha=0.8, model_bytes=14_000),  # too large
        candidate("deep-resnet", 0.3, model_bytes=9_000),
        candidate("deep-resnet", 0.2, model_bytes=100, refusal="it cannot be made"),
        candidate(alpha=0.5, size=16, model_bytes=6_000),
    ]
    names = [choice.name for choice in choose_candidates(tried, SIZE)]
    assert names == [
        "deep-resnet-0.3-32x32",
        "small-resnet-0.6-32x32",
        "small-resnet-0.5-32x32",
        "small-resnet-0.5-16x16",
    ]


def test_a_budget_that_nothing_keeps_names_the_smallest_network_and_what_it_has():
    tried = [candidate(alpha=0.1, model_bytes=12_000, macs=12_345), candidate(alpha=0.2, model_bytes=13_000)]
    message = (
        "no network keeps this budget: the smallest, small-resnet-0.1-32x32, has 20,088 bytes, 12,345 "
        "multiply-accumulates; give more of what it lacks"
    )
    for choose in (fine_plans, choose_candidates):
        with pytest.raises(UsageError) as error:
            choose(tried, SIZE)
        assert str(error.value) == message
    with pytest.raises(UsageError) as error:
        choose_candidates([candidate(refusal="small-resnet needs images of at least 8x8 pixels")], SIZE)
    assert str(error.value) == "no network can be made: small-resnet needs images of at least 8x8 pixels"


@pytest.mark.parametrize(("epochs", "rungs"), [(1, (1,)), (3, (1,)), (5, (1, 2)), (30, (3, 10)), (90, (10, 30))])
def test_trials_take_a_ninth_and_then_a_third_of_the_epochs(epochs, rungs):
    assert rung_epochs(epochs, 200) == rungs


@pytest.mark.parametrize(
    ("epochs", "steps", "rungs"), [(9, 30, (7,)), (30, 30, (7, 10)), (3, 1, (3,)), (30, 199, (3, 10)), (5, 199, (2,))]
)
def test_trials_have_enough_steps_to_say_something_but_no_more_than_a_final(epochs, steps, rungs):
    assert rung_epochs(epochs, steps) == rungs


def trial(alpha: float, accuracy: float | None, model_bytes: int = 10_000, macs: int = 10, epochs: int = 1) -> Trial:
    network = candidate(alpha=alpha, model_bytes=model_bytes, macs=macs)
    return Trial(candidate=network, epochs=epochs, accuracy=accuracy, failure="" if accuracy is not None else "nan")


def test_a_third_of_the_candidates_goes_on_and_as_many_as_there_are_finals():
    trials = [trial(number / 10, share) for number, share in enumerate((0.5, 0.9, None, 0.7, 0.8, 0.6, 0.9), 1)]
    assert [network.cost.plan.alpha for network in keep_best(trials, 1)] == [0.2, 0.7]  # alike: by name
    assert [network.cost.plan.alpha for network in keep_best(trials, 4)] == [0.2, 0.7, 0.5, 0.4]
    assert keep_best([trial(0.1, None)], 3) == ()


def test_only_what_nothing_else_beats_is_trained_to_the_end():
    best, small, quick = trial(0.1, 0.9, 9000, 90), trial(0.2, 0.8, 5000, 95), trial(0.3, 0.7, 9500, 10)
    worse, failed, twin = trial(0.4, 0.85, 9000, 91), trial(0.5, None, 1, 1), trial(0.6, 0.9, 9000, 90)
    assert pareto_front([worse, quick, failed, small, best]) == (best, small, quick)
    assert pareto_front([best, twin]) == (best, twin)
    assert pareto_front([failed]) == ()
    longer = replace(worse, epochs=3, accuracy=0.95)
    assert last_trials([best, worse, longer]) == (best, longer)


def test_the_pace_of_the_trainings_so_far_says_what_fits_into_the_time():
    pace = Pace()
    assert (pace.estimate(1e9), pace.allows(1e9, 1.0)) == (None, True)
    pace.add(1e9, 112.0)
    assert (pace.estimate(2e9), pace.estimate(0)) == (212.0, 12.0)
    assert (pace.allows(1e9, 224.0), pace.allows(1e9, 223.9), pace.allows(1e20, None)) == (True, False, True)
    assert [duration_text(seconds) for seconds in (0.2, 40, 95, 720, 5400)] == [
        "1 seconds",
        "40 seconds",
        "2 minutes",
        "12 minutes",
        "1.5 hours",
    ]


def test_a_search_goes_on_where_it_was_with_the_same_question_only(tmp_path):
    folder, question = tmp_path / "new" / "search", {"data": "mnist", "max_size": 24576}
    with open_state(folder, question) as state:
        assert state.read("a-1") is None
        state.write("a-1", {"validation": 0.5})
        with pytest.raises(OutputError) as error, open_state(folder, question):
            pass
        assert str(error.value) == (f"another search is at work in {folder}: wait for it, or choose another --output")
    with open_state(folder, question) as state:
        assert state.read("a-1") == {"validation": 0.5}
    with pytest.raises(OutputError) as error, open_state(folder, {**question, "max_size": 9}):
        pass
    assert str(error.value) == (
        f"{folder} holds the search with max_size 24576, not 9: repeat its options to go on, or choose another "
        "--output"
    )
    assert sorted(path.name for path in folder.iterdir()) == ["question.json", "state"]


def test_a_folder_with_other_files_is_refused_and_stays_as_it_is(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for folder, message in (
        (tmp_path, f"{tmp_path} holds other files (notes.txt): give --output a new or an empty folder"),
        (tmp_path / "notes.txt", f"{tmp_path / 'notes.txt'} is no folder: choose another --output"),
        (
            tmp_path / "notes.txt" / "a",
            f"cannot write into {tmp_path / 'notes.txt' / 'a'} (Not a directory): choose another --output",
        ),
    ):
        with pytest.raises(OutputError) as error, open_state(folder, {}):
            pass
        assert str(error.value) == message
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_a_killed_search_leaves_is_no_obstacle_and_damage_is_said(tmp_path):
    with held_file(tmp_path / ".held"):
        pass
    with open_state(tmp_path, {"data": "digits"}) as state:
        state.write("b-1", {"validation": 1})
    (tmp_path / "state" / "b-1.json").write_text("{")
    with open_state(tmp_path, {"data": "digits"}) as state:
        assert state.read("b-1") is None
    (tmp_path / "question.json").write_text("[")
    with pytest.raises(OutputError) as error, open_state(tmp_path, {"data": "digits"}):
        pass
    assert str(error.value).startswith(f"{tmp_path / 'question.json'} cannot be read: remove {tmp_path}, or choose")


@pytest.mark.parametrize("value", [None, True, "0.5", -0.1, 1.1, float("nan"), [0.5]])
def test_a_figure_that_no_training_wrote_is_none(value):
    assert read_share({"validation": value}, "validation") is None
    assert read_seconds({"seconds": value if value != 1.1 else float("inf")}) == 0.0
    assert read_share(None, "validation") is None


def test_a_board_is_measured_by_the_model_that_ran_there(tmp_path):
    path, content = tmp_path / "measured.tflite", conv_classifier()
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    result = tmp_path / "board.json"
    result.write_text(json.dumps(measurement(path, sha256)))
    speed = read_board_speed(result, None)
    assert (speed.board, speed.ms, speed.macs, speed.unsteady) == ("Pi 4", 4.0, 2304 + 192, ("busy",))
    assert speed.ms_per_mac == 4.0 / 2496
    assert read_board_speed(result, path) == speed
    with pytest.raises(NotFoundError) as error:
        read_board_speed(result, tmp_path / "gone.tflite")
    assert str(error.value) == (
        f"{tmp_path / 'gone.tflite'}: no such file; name the model that {result} measured with --board-model, to "
        "count its multiply-accumulates"
    )
    result.write_text(json.dumps(measurement(path, "ab" * 32)))
    with pytest.raises(DocumentError) as error:
        read_board_speed(result, path)
    assert str(error.value) == (
        f"{result} measured another file than {path} (SHA-256 abababababab, not {sha256[:12]}): name the one that "
        "was measured with --board-model"
    )


def measurement(model: Path, sha256: str) -> dict:
    return {
        "schema": "edgeready-benchmark 1",
        "model": str(model),
        "sha256": sha256,
        "runtime": "tflite-runtime 2.14.0",
        "threads": 1,
        "kernels": "default",
        "machine": {"board": "Pi 4"},
        "emulated": False,
        "unsteady": [{"kind": "busy"}],
        "latencies_s": [0.003, 0.004, 0.005],
    }
