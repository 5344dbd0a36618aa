"""The accuracy budget: which attempt is chosen, and why; the models are bytes and the judges tables here."""

from __future__ import annotations

import json

import pytest

from edgeready.budget.ladder import Judgement, search_ladder, steps
from edgeready.budget.significance import PairedDrop
from edgeready.config.method import Method, QatConfig
from edgeready.errors import BudgetError, ConversionError
from edgeready.report.budget import budget_line, trail_view
from edgeready_device.statistics import Proportion

LADDER = steps(Method(), QatConfig())
BUDGET = 0.003
LOSSY = (120, 0)  # of what no table says otherwise


def judgement(lost, gained, count):
    return Judgement(accuracy=Proportion(count - lost, count), drop=PairedDrop(lost=lost, gained=gained, count=count))


def name_of(method):
    if method.qat is not None:
        return "qat"
    return f"{method.calibration}{' evened' if method.equalize else ''}"


class Networks:
    """Makes models that are the names of methods, and judges them by tables of (lost, gained)."""

    def __init__(self, seen, tested=None, count=10_000, test_count=10_000):
        self.seen, self.tested = seen, tested or {}
        self.count, self.test_count = count, test_count
        self.made, self.confirmed = [], []

    def make(self, method):
        self.made.append(name_of(method))
        return name_of(method).encode()

    def judge(self, model):
        return judgement(*self.seen.get(model.decode(), LOSSY), self.count)

    def confirm(self, model):
        self.confirmed.append(model.decode())
        default = self.seen.get(model.decode(), LOSSY)
        return judgement(*self.tested.get(model.decode(), default), self.test_count)

    def search(self, budget=BUDGET):
        return search(self.make, self, budget)


def search(make, nets, budget=BUDGET):
    return search_ladder(LADDER, budget=budget, make=make, judge=nets.judge, confirm=nets.confirm, judged_on="images")


def test_the_ladder_goes_from_cheap_to_dear():
    assert [step.name for step in LADDER] == [
        "min-max calibration",
        "better calibration",
        "equalized, bias-corrected",
        "quantization-aware training",
    ]
    assert [[name_of(method) for method in step.methods] for step in LADDER] == [
        ["min-max"],
        ["percentile", "mse"],
        ["min-max evened", "mse evened"],
        ["qat"],
    ]


def test_a_ladder_that_starts_elsewhere_does_not_try_the_same_twice():
    methods = [method for step in steps(Method(calibration="mse"), QatConfig()) for method in step.methods]
    assert [name_of(method) for method in methods] == ["mse", "percentile", "min-max", "mse evened", "qat"]


def test_it_stops_at_the_first_attempt_that_keeps_the_budget():
    nets = Networks({"min-max": (90, 0), "mse": (20, 10)})
    outcome = nets.search()
    assert outcome.model == b"mse"
    assert nets.made == ["min-max", "percentile", "mse"]
    assert outcome.trail.choice == 1
    assert outcome.trail.verdict == "kept"


def test_of_a_step_with_several_methods_the_best_counts():
    nets = Networks({"percentile": (10, 5), "mse": (20, 10)})
    assert nets.search().model == b"percentile"


def test_the_test_images_judge_the_chosen_attempt_only():
    nets = Networks({"min-max": (90, 0), "mse": (20, 10)})
    trail = nets.search().trail
    assert nets.confirmed == ["mse"]
    assert [attempt.test is None for attempt in trail.attempts] == [True, False]


def test_an_attempt_that_the_test_images_refute_gives_way_to_the_next():
    nets = Networks({"min-max": (10, 10), "mse": (10, 10)}, tested={"min-max": (200, 0)})
    outcome = nets.search()
    assert outcome.model == b"mse"
    assert nets.confirmed == ["min-max", "mse"]


def test_no_attempt_within_the_budget_is_a_refusal_with_the_trail():
    nets = Networks({})
    with pytest.raises(
        BudgetError, match=r"no attempt keeps --max-drop 0\.3: the best, min-max calibration, loses"
    ) as told:
        nets.search()
    assert told.value.exit_code == 1
    assert len(told.value.trail.attempts) == 4
    assert told.value.trail.choice is None
    assert told.value.trail.verdict == "broken"


def test_few_images_do_not_fail_a_model_by_chance():
    nets = Networks({"min-max": (2, 0), "mse evened": (1, 0)}, count=230, test_count=359)
    outcome = nets.search()  # one of 230 images is 0.43 points, which chance explains
    assert outcome.model == b"mse evened"
    assert outcome.trail.choice == 2
    assert outcome.trail.verdict == "unclear"
    assert nets.made[-1] == "qat"  # only after all else was tried
    assert "it would take" in budget_line(outcome.trail)


def test_few_images_do_not_pass_blindly_either():
    lossy = dict.fromkeys(("min-max", "percentile", "mse", "min-max evened", "mse evened", "qat"), (6, 0))
    with pytest.raises(BudgetError):
        Networks(lossy, count=359, test_count=359).search()


def test_kind_test_images_do_not_save_an_attempt_that_was_shown_to_lose():
    nets = Networks({}, tested=dict.fromkeys(("min-max", "percentile", "min-max evened", "qat"), (0, 0)))
    with pytest.raises(BudgetError):
        nets.search()
    assert nets.confirmed == []


def test_what_few_images_cannot_show_is_said():
    nets = Networks({"min-max": (1, 1)}, count=359, test_count=359)
    trail = nets.search().trail
    assert trail.verdict == "unclear"
    assert budget_line(trail).startswith("min-max calibration: 0.00 points lost on 359 test images (95 %: -1.")
    assert "within 0.3 as measured; it would take" in budget_line(trail)


def test_a_drop_over_the_budget_that_chance_explains_is_said_to_be_that():
    nets = Networks({"min-max": (0, 0)}, tested={"min-max": (2, 0)}, count=359, test_count=359)
    assert "more than 0.3, but chance may account for it (p = 0.5)" in budget_line(nets.search().trail)


def test_a_step_that_the_network_does_not_allow_is_skipped_and_told():
    nets = Networks({})

    def make(method):
        if method.qat is not None:
            raise ConversionError("it needs a Keras model, and graph.pb is none")
        return nets.make(method)

    with pytest.raises(BudgetError, match=r"quantization-aware training: it needs a Keras model") as told:
        search(make, nets)
    assert told.value.trail.skipped == ("quantization-aware training: it needs a Keras model, and graph.pb is none",)


def test_a_model_that_cannot_be_integer_at_all_ends_it_at_the_first_step():
    def make(method):
        raise ConversionError("op 3 ELU stays float32")

    nets = Networks({})
    with pytest.raises(ConversionError, match="ELU"):
        search(make, nets)


def test_a_budget_of_nothing_is_kept_by_a_model_that_loses_nothing():
    assert Networks({"min-max": (0, 20)}).search(budget=0.0).trail.verdict == "kept"


def test_the_trail_is_plain_data_with_all_that_was_asked_for():
    trail = Networks({"min-max": (90, 0), "mse": (20, 10)}).search().trail
    told = json.loads(json.dumps(trail.to_dict()))
    assert (told["max_drop"], told["choice"], told["verdict"]) == (0.003, 1, "kept")
    first, second = told["attempts"]
    assert first["judged"]["drop"] == pytest.approx(0.009)
    assert first["judged"]["lost"] == 90
    assert second["method"]["calibration"] == "mse"
    assert second["test"]["mcnemar_p"] == pytest.approx(PairedDrop(lost=20, gained=10, count=10_000).p_value)
    assert {"size_bytes", "seconds"} <= set(first)


def test_the_table_fits_a_terminal_of_80_columns(capsys):
    from rich.console import Console

    trail = Networks({"qat": (10, 10)}).search().trail
    Console(width=80).print(trail_view(trail))
    printed = capsys.readouterr().out.splitlines()
    assert sum("95 % interval" in line for line in printed) == 4
    assert len(printed) == 1 + 1 + 2 * 4 + 1
    assert printed[-1].split() == ["on", "the", "test", "images", "99.90", "%", "0.00"]
    assert any(line.startswith("quantization-aware training") for line in printed)


def test_an_attempt_that_the_test_images_refuted_is_shown_as_that(capsys):
    from rich.console import Console

    nets = Networks({"min-max": (10, 10), "mse": (10, 10)}, tested={"min-max": (200, 0)})
    Console(width=80).print(trail_view(nets.search().trail))
    tested = [line.split() for line in capsys.readouterr().out.splitlines() if "on the test images" in line]
    assert [line[4:] for line in tested] == [["98.00", "%", "2.00", "refuted"], ["99.90", "%", "0.00"]]
