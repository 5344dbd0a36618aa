"""Labels that do not flicker, and the loop over a program's own frames."""

from __future__ import annotations

import numpy as np
import pytest

from edgeready_device import Model, watch
from edgeready_device.errors import ImageError, UsageError
from edgeready_device.testing import fake_model
from edgeready_device.watching.frame import Back, Frame, Lost, Shot
from edgeready_device.watching.loop import Analyzed, Ended
from edgeready_device.watching.rates import RateMeter, Rates
from edgeready_device.watching.smoothing import ScoreMean, Steadiness, SteadyLabel
from edgeready_device.watching.watch import Labelled, Labelling, label_events

LABELS = ("cat", "dog", "owl")
CAT, DOG, OWL = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)


def frames(*numbers: int) -> list[np.ndarray]:
    return [np.full((2, 2, 3), number, np.uint8) for number in numbers]


@pytest.fixture
def animals():
    """A model that says cat of frames of 0, dog of 1, owl of 2, and nothing with certainty of others."""
    rows = {0: CAT, 1: DOG, 2: OWL}
    return fake_model(lambda frame: rows.get(int(frame[0, 0, 0]), (0.3, 0.3, 0.3)), LABELS, height=2, width=2)


def shown(rows, **rule) -> list[int | None]:
    """The label after each row of scores."""
    steady = SteadyLabel(Steadiness(**rule))
    return [(steady.update(row), steady.index)[1] for row in rows]


# -- hysteresis ------------------------------------------------------------------------------------------------


def test_a_label_changes_when_another_one_has_led_for_so_many_frames():
    rows = [CAT, CAT, CAT, DOG, DOG, CAT, DOG, DOG, DOG, DOG]
    assert shown(rows, hold=3) == [None, None, 0, 0, 0, 0, 0, 0, 1, 1]
    assert shown(rows, hold=1) == [0, 0, 0, 1, 1, 0, 1, 1, 1, 1]


def test_two_challengers_in_turn_do_not_add_up():
    assert shown([CAT, DOG, OWL, DOG, OWL, DOG, DOG], hold=2) == [None, None, None, None, None, None, 1]
    assert shown([CAT, CAT, DOG, OWL, DOG, OWL, OWL], hold=2) == [None, 0, 0, 0, 0, 0, 2]


def test_a_label_stays_until_another_one_leads_by_the_margin():
    close = [(0.5, 0.4, 0.0), (0.45, 0.55, 0.0), (0.4, 0.55, 0.0), (0.45, 0.5, 0.0), (0.6, 0.5, 0.0)]
    assert shown(close, hold=1, margin=0.15) == [0, 0, 1, 1, 1]
    assert shown(close, hold=1, margin=0.0) == [0, 1, 1, 1, 0]


def test_a_margin_that_is_met_exactly_counts_and_an_equal_score_does_not():
    assert shown([(0.5, 0.2, 0.0), (0.3, 0.4, 0.0)], hold=1, margin=0.1) == [0, 1]
    assert shown([(0.2, 0.5, 0.0), (0.4, 0.4, 0.0)], hold=1, margin=0.0) == [1, 1]


def test_below_the_threshold_there_is_no_label_and_it_does_not_flicker_there_either():
    rows = [(0.59, 0.1, 0.1), (0.61, 0.1, 0.1), (0.55, 0.1, 0.1), (0.5, 0.1, 0.1), (0.45, 0.1, 0.1), (0.61, 0.0, 0.0)]
    assert shown(rows, hold=1, margin=0.1, threshold=0.6) == [None, 0, 0, None, None, 0]


def test_random_scores_change_the_label_less_often_than_the_best_score_changes():
    rows = np.random.default_rng(1).random((2000, 3))
    steady = shown(rows, hold=3, margin=0.1)
    best = rows.argmax(axis=1)
    changes = sum(steady[i] != steady[i - 1] for i in range(1, len(steady)))
    assert (int((best[1:] != best[:-1]).sum()), changes) == (1306, 65)


# -- the mean --------------------------------------------------------------------------------------------------


def test_scores_are_the_mean_of_the_last_frames_and_nothing_of_older_ones_is_left():
    mean = ScoreMean(2)
    rows = [np.array(row, np.float32) for row in ((1, 0), (0, 1), (0, 1), (1, 0))]
    assert [mean.add(row).tolist() for row in rows] == [[1, 0], [0.5, 0.5], [0, 1], [0.5, 0.5]]
    mean.clear()
    assert mean.add(np.array([0.25, 0.75], np.float32)).tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"smooth": 0}, "smooth is 0: give 1 to 10000 frames"),
        ({"smooth": 10_001}, "smooth is 10001: give 1 to 10000 frames"),
        ({"hold": -1}, "hold is -1: give 1 to 10000 frames"),
        ({"margin": 1.5}, "the margin is 1.5: give a score from 0 to 1"),
        ({"margin": float("nan")}, "the margin is nan: give a score from 0 to 1"),
        ({"threshold": -0.1}, "the threshold is -0.1: give a score from 0 to 1"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(animals, rule, message):
    with pytest.raises(UsageError) as caught:
        watch(animals, frames(0), **rule)
    assert str(caught.value) == message


def test_frames_before_a_loss_are_no_part_of_the_mean(animals):
    lost, back = Lost(0, "lost", 0), Back(0, 1)
    labelling = Labelling(animals, Steadiness(smooth=5, hold=1))
    scores = [labelling.score(frame) for frame in frames(0, 0, 1)]
    moment = {"latency_s": 0.0, "analysis_s": 0.0, "rates": Rates(None, None), "dropped": 0, "is_live": True}
    analyzed = [
        Analyzed(Frame(number, 0.0, Shot(0.0, None)), np.zeros((1, 1, 3), np.uint8), row, **moment)
        for number, row in enumerate(scores)
    ]
    events = [*analyzed[:2], lost, back, analyzed[2]]
    found = [event.label for event in label_events(events, labelling) if isinstance(event, Labelled)]
    assert found == ["cat", "cat", "dog"]


# -- a program's own frames ------------------------------------------------------------------------------------


def test_every_frame_of_a_program_is_labelled_in_turn(animals):
    events = list(watch(animals, frames(0, 0, 1, 1, 0), smooth=1, hold=1, top=1))
    assert [type(event) for event in events] == [Labelled] * 5 + [Ended]
    found = [(event.number, event.label, event.previous, event.changed) for event in events[:5]]
    assert found == [
        (1, "cat", None, True),
        (2, "cat", "cat", False),
        (3, "dog", "cat", True),
        (4, "dog", "dog", False),
        (5, "cat", "dog", True),
    ]
    assert [(p.label, p.index, round(p.score, 6)) for p in events[2].predictions] == [("dog", 1, 0.8)]
    assert events[2].score == pytest.approx(0.8)
    assert (events[5].summary.captured, events[5].summary.analyzed, events[5].summary.dropped) == (5, 5, 0)


def test_without_options_frames_are_smoothed_over_five_and_held_for_three(animals):
    events = watch(animals, frames(0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1))
    assert [event.label for event in events if isinstance(event, Labelled)] == [
        None,
        None,
        *["cat"] * 7,
        *["dog"] * 3,
    ]


def test_scores_are_those_of_the_mean(animals):
    events = list(watch(animals, frames(0, 1), smooth=2, hold=1, margin=0))  # in steps of 1/255: (204 + 26) / 2
    assert events[1].label == "cat"
    assert [(p.label, round(p.score, 6)) for p in events[1].predictions] == [
        ("cat", 0.45098),
        ("dog", 0.45098),
        ("owl", 0.101961),
    ]


def test_labels_below_the_threshold_are_left_out(animals):
    events = list(watch(animals, frames(9, 0), smooth=1, hold=1, threshold=0.5))
    assert [(event.label, len(event.predictions)) for event in events[:2]] == [(None, 0), ("cat", 1)]


@pytest.mark.parametrize(
    ("degrees", "pixels"),
    [(0, [[1, 2], [3, 4]]), (90, [[3, 1], [4, 2]]), (180, [[4, 3], [2, 1]]), (270, [[2, 4], [1, 3]])],
)
def test_frames_are_turned_clockwise(degrees, pixels):
    seen = []
    model = fake_model(
        lambda frame: seen.append(frame[..., 0].tolist()) or (1, 0), ("a", "b"), height=2, width=2, channels=1
    )
    list(watch(model, [np.array([[1, 2], [3, 4]], np.uint8)], rotate=degrees))
    assert seen == [pixels]


def test_the_loop_ends_after_as_many_frames_as_are_asked_for(animals):
    endless = (frame for _ in iter(int, 1) for frame in frames(0))
    events = list(watch(animals, endless, count=4))
    assert [event.number for event in events[:4]] == [1, 2, 3, 4]
    assert events[4].summary.analyzed == 4


def test_the_loop_ends_when_it_is_told_to(animals):
    endless = (frame for _ in iter(int, 1) for frame in frames(0))
    seen = []
    for event in watch(animals, endless, stop=lambda: len(seen) >= 3):
        seen.append(event)
    assert [type(event) for event in seen] == [Labelled] * 3 + [Ended]


def test_an_interval_passes_between_two_frames(animals):
    events = [event for event in watch(animals, frames(0, 0, 0), interval_s=0.05) if isinstance(event, Labelled)]
    moments = [event.time + event.latency_s for event in events]
    assert [moments[i + 1] - moments[i] >= 0.049 for i in (0, 1)] == [True, True]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((2, 2, 3)), "the frame is float64 [2, 2, 3]: give uint8 pixels from 0 to 255"),
        (
            np.zeros((2, 2, 2), np.uint8),
            "the picture is uint8 [2, 2, 2]: give uint8 of the shape height, width, 1 or 3",
        ),
        (
            np.zeros((0, 2, 3), np.uint8),
            "the picture is uint8 [0, 2, 3]: give uint8 of the shape height, width, 1 or 3",
        ),
        (None, "the frame is None: OpenCV's imread gives that for a path that it cannot read"),
        ("a.png", "the frame is 'a.png', and no picture: read a file with"),
    ],
)
def test_a_frame_that_holds_no_pixels_ends_the_loop_with_its_error(animals, frame, message):
    with pytest.raises(ImageError) as caught:
        list(watch(animals, [*frames(0), frame]))
    assert str(caught.value).startswith(message)


def test_whatever_is_a_picture_is_a_frame(animals):
    clear = np.dstack([np.full((2, 2, 3), 255, np.uint8), np.zeros((2, 2, 1), np.uint8)])
    pictures = [np.full((1, 2, 2, 3), 1, np.uint8), [[[2] * 3] * 2] * 2, np.full((4, 2, 2), 255, np.uint8), clear]
    events = list(watch(animals, pictures, smooth=1, hold=1, margin=0, threshold=0.5))
    assert [event.label for event in events[:-1]] == ["dog", "owl", None, None]
    assert [event.picture.shape for event in events[:-1]] == [(2, 2, 3)] * 4


def test_an_error_of_the_programs_own_generator_comes_out_as_it_is(animals):
    def camera():
        yield from frames(0)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        list(watch(animals, camera()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotate": 45}, "rotate is 45: give 0, 90, 180 or 270 degrees, clockwise"),
        ({"count": -1}, "the count of frames is -1: give 1 or more, or 0 for no end"),
        ({"top": 0}, "top is 0: ask for at least 1 label"),
        ({"interval_s": -1}, "the interval is -1 s: give 0 to 86400 seconds"),
        ({"interval_s": float("nan")}, "the interval is nan s: give 0 to 86400 seconds"),
        ({"size": (640, 480)}, "--size does not fit a program's frames: leave it out"),
        ({"loop": True}, "--loop does not fit a program's frames: leave it out"),
        ({"new_only": True}, "--new-only does not fit a program's frames: leave it out"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_before_the_first_frame(animals, options, message):
    with pytest.raises(UsageError) as caught:
        watch(animals, frames(0), **options)
    assert str(caught.value) == message


# -- rates -----------------------------------------------------------------------------------------------------


def test_rates_are_those_of_the_last_hundred_frames_and_latencies_those_of_the_last_thousand():
    meter = RateMeter()
    assert (meter.add(analyzed=0.5, captured=0.0, number=1).analyzed_per_s, meter.latency_s(0.5)) == (None, 0.5)
    for i in range(1, 2000):
        rates = meter.add(analyzed=i * 0.1 + 0.05, captured=i * 0.1, number=1 + 3 * i)
    assert rates.analyzed_per_s == pytest.approx(10)
    assert rates.captured_per_s == pytest.approx(30)
    assert meter.latency_s(0.95) == pytest.approx(0.05)
    assert len(meter._latencies_s) == 1000


def test_latencies_have_their_nearest_rank():
    meter = RateMeter()
    assert meter.latency_s(0.5) is None
    for i in range(1, 11):
        meter.add(analyzed=float(i), captured=0.0, number=i)
    assert [meter.latency_s(share) for share in (0.5, 0.95, 1.0)] == [5, 10, 10]


# -- recurrent models ------------------------------------------------------------------------------------------


def scores_of(events) -> list[tuple[float, ...]]:
    return [tuple(item.score for item in event.predictions) for event in events if isinstance(event, Labelled)]


def test_a_recurrent_model_remembers_the_frames_before_only_where_that_is_wanted(model):
    pictures = [np.array([[1, 2], [3, 4]], np.uint8)] * 3
    alone = scores_of(watch(Model.load(model("rnn")), pictures, smooth=1, top=9))
    assert alone[0] == alone[1] == alone[2]
    kept = scores_of(watch(Model.load(model("rnn"), keep_state=True), pictures, smooth=1, top=9))
    assert kept[0] == alone[0]
    assert kept[1] != kept[0]


def test_a_recurrent_model_starts_anew_after_the_source_was_lost(model):
    labelling = Labelling(Model.load(model("rnn"), keep_state=True), Steadiness())
    picture = np.array([[[1], [2]], [[3], [4]]], np.uint8)
    first, second = labelling.score(picture).tolist(), labelling.score(picture).tolist()
    labelling.forget_frames()
    assert (labelling.score(picture).tolist() == first, second == first) == (True, False)
