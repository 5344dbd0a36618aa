"""What speaks against a file that was measured: it is no better than a guess, or it is another model by now."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready.budget.significance import chance_of_at_least
from edgeready.dataset import Dataset
from edgeready.errors import AgreementError
from edgeready.proof.measure import Comparison, Measured
from edgeready.proof.verdict import find_doubts
from edgeready.quantization.conventions import ConventionReport, ConventionTrial
from edgeready_device.evaluation import EvaluationReport

CLASSES = ("ant", "bee", "cat", "dog")
TRIED = ConventionReport(
    chosen="unit",
    assumed="unit",
    stated=False,
    trials=tuple(ConventionTrial(name=n, right=16, count=64) for n in ("unit", "raw")),
)


def data(count: int = 200) -> Dataset:
    images = np.zeros((count, 2, 2), np.uint8)
    return Dataset(name="pets", images=images, labels=np.arange(count) % 4, classes=CLASSES)


def measured(answers: np.ndarray) -> Measured:
    report = EvaluationReport(CLASSES, np.arange(len(answers)) % 4, np.eye(4, dtype=np.uint8)[answers])
    return Measured(size_bytes=1, flatbuffer_bytes=1, accuracy=report, latency=None)


def doubts(float32: np.ndarray, uint8: np.ndarray, convention: ConventionReport | None = None) -> tuple[str, ...]:
    comparison = Comparison(baseline=measured(float32), model=measured(uint8))
    return find_doubts(comparison, data(len(float32)), "uint8", convention)


RIGHT = np.arange(200) % 4
GUESS = np.random.default_rng(0).integers(0, 4, 200)
ALWAYS = np.zeros(200, np.int64)


def test_nothing_speaks_against_a_good_model():
    mostly = np.where(np.arange(200) % 10 == 0, 0, RIGHT)
    assert doubts(RIGHT, mostly) == ()
    assert doubts(mostly, mostly, TRIED) == ()


@pytest.mark.parametrize(
    "answers", [GUESS, ALWAYS, (RIGHT + 1) % 4 * 0 + 2], ids=["noise", "one class", "another class"]
)
def test_a_network_that_guesses_is_told_with_the_cause_of_its_kind(answers):
    share = 100 * (answers == RIGHT).mean()
    fact = (
        f"the float32 network is right on {share:.2f} % of the test images, and always the largest class on 25.00 %"
    )
    assert doubts(answers, answers) == (
        f"{fact}: train with another --learning-rate or --model, with more images, or look at the labels",
    )
    assert doubts(answers, answers, TRIED) == (
        f"{fact}. No usual way of feeding pixels does better (unit, raw): give --mean and --std of its training, "
        "check that the data have its classes, and that it is trained",
    )
    untried = ConventionReport(chosen="unit", assumed="unit", stated=False, note="LiteRT does not run it")
    assert doubts(answers, answers, untried) == (
        f"{fact}: say how pixels go in (--preset, or --mean and --std), or look at the labels",
    )


def test_classes_in_another_order_are_told_by_name():
    swapped = np.array([0, 2, 1, 3])[RIGHT]
    assert doubts(swapped, swapped, TRIED) == (
        "the classes seem to be in another order: the float32 network is right on 50.0 % of the test images, and on "
        "100.0 % where bee is cat, cat is bee: name the folders, or order the classes, as the network was trained",
    )
    (turned,) = doubts((RIGHT + 1) % 4, (RIGHT + 1) % 4, TRIED)
    assert "and on 100.0 % where ant is dog, bee is ant, cat is bee, ...: name" in turned


def test_a_confusion_of_two_classes_is_no_other_order():
    confused = np.where((RIGHT == 1) & (np.arange(200) % 8 < 4), 2, RIGHT)
    assert doubts(confused, confused, TRIED) == ()


@pytest.mark.parametrize(
    ("answers", "share"),
    [(GUESS, 100 * (GUESS == RIGHT).mean()), (ALWAYS, 25.0), (np.where(np.arange(200) % 8 < 1, RIGHT, 3), None)],
    ids=["noise", "one class", "another model"],
)
def test_a_file_that_lost_the_networks_answers_is_refused(answers, share):
    with pytest.raises(AgreementError) as error:
        doubts(RIGHT, answers)
    text = str(error.value)
    agreement = 100 * (answers == RIGHT).mean() if share is None else share
    assert text.startswith(
        f"the uint8 file gives the float32 network's answer on {agreement:.1f} % of the test images only, and is not "
        "written: "
    )


def test_a_file_that_agrees_little_with_its_network_is_told():
    answers = np.where(np.arange(200) % 5 == 0, (RIGHT + 1) % 4, RIGHT)
    assert doubts(RIGHT, answers) == (
        "the uint8 file agrees little with the float32 network: the same answer on 80.0 % of the test images, and "
        "right on 80.00 % and 100.00 %: take other or more calibration images (--calibration-data), --calibration "
        "percentile, or --qat; edgeready modes shows what other modes keep",
    )


def test_other_answers_that_cost_no_accuracy_and_a_loss_on_few_images_are_no_little_agreement():
    fifth = np.arange(200) % 5 == 0
    first, second = np.where(fifth, (RIGHT + 1) % 4, RIGHT), np.where(fifth, (RIGHT + 2) % 4, RIGHT)
    assert doubts(first, second) == ()
    assert doubts(RIGHT[:20], second[:20]) == ()


def test_a_network_that_hardly_beats_a_guess_and_its_file_that_hardly_does_not_are_no_loss():
    hardly = np.where(np.arange(200) % 13 == 0, RIGHT, GUESS)
    worse = np.where(np.arange(200) % 37 == 0, RIGHT, GUESS)
    assert doubts(hardly, worse) == ()
    assert chance_of_at_least(int((hardly == RIGHT).sum()), 200, 0.25) < 0.05
    assert chance_of_at_least(int((worse == RIGHT).sum()), 200, 0.25) >= 0.05


def test_a_test_set_that_can_show_nothing_is_told():
    few = np.array([0, 1])
    assert doubts(few, few) == (
        "2 test images are too few to tell: always the largest class is right on 50.0 %; give more test images",
    )
    one_class = Dataset(
        name="x", images=np.zeros((50, 2, 2), np.uint8), labels=np.zeros(50, np.int64), classes=CLASSES
    )
    report = EvaluationReport(CLASSES, np.zeros(50, np.int64), np.eye(4, dtype=np.uint8)[np.zeros(50, np.int64)])
    alike = Measured(size_bytes=1, flatbuffer_bytes=1, accuracy=report, latency=None)
    (text,) = find_doubts(Comparison(baseline=alike, model=alike), one_class, "uint8", None)
    assert text.startswith("50 test images are too few to tell: always the largest class is right on 100.0 %")


@pytest.mark.parametrize(("hits", "count", "share"), [(0, 10, 0.3), (10, 10, 0.5), (3, 10, 0.25), (7, 20, 0.1)])
def test_the_chance_of_so_many_hits_is_binomial(hits, count, share):
    from math import comb

    expected = sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(hits, count + 1))
    assert chance_of_at_least(hits, count, share) == pytest.approx(expected)
