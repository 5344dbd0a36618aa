"""What a training is asked for and what it leaves behind, without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeready.config.build import BuildConfig, DataConfig, OutputConfig, TrainConfig
from edgeready.config.method import Method, QatConfig
from edgeready.config.training import fall_length, steady_length
from edgeready.dataset import Dataset, Splits
from edgeready.errors import DatasetError, UsageError
from edgeready.jobs.job import Job
from edgeready.jobs.training import Epoch, Fall, Training, TrainingFiles, best_epoch, csv_lines, is_progress
from edgeready.workflows.options import BUILD, options_of
from edgeready.workflows.prepare import (
    job_of,
    seen_images,
    training_of,
    trial_is_worth_it,
    trial_of,
    with_validation,
)


def noise(count: int, seed: int = 1) -> Dataset:
    """Images of three classes."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    return Dataset(name="noise", images=images, labels=np.arange(count) % 3, classes=("a", "b", "c"))


def splits(train: int = 60) -> Splits:
    return Splits(train=noise(train), calibration=noise(9, 2), test=noise(12, 3))


def config(**options) -> BuildConfig:
    output = options.pop("output", None) or OutputConfig()
    return BuildConfig(
        data=DataConfig(source="noise"), model="net.py:make", train=TrainConfig(**options), output=output
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"validation": share},
            f"--validation is {share:g}: give a share of the training images above 0 and up to 0.5, such as 0.1",
        )
        for share in (0.0, -0.1, 0.51, 20.0, float("nan"), float("inf"))
    ]
    + [({"fine_tune": epochs}, f"--fine-tune is {epochs}: give at least 1 epoch") for epochs in (0, -1)]
    + [({"patience": epochs}, f"--patience is {epochs}: wait for at least 1 epoch") for epochs in (0, -3)],
)
def test_a_share_or_a_patience_that_cannot_be_meant_is_refused(options, message):
    with pytest.raises(UsageError) as error:
        TrainConfig(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({"epochs": 5}, None),
        ({}, 0.1),
        ({"validation": 0.5}, 0.5),
        ({"patience": 1}, 0.1),
        ({"patience": 2, "validation": 0.25}, 0.25),
    ],
)
def test_patience_and_a_training_without_a_number_of_epochs_take_a_tenth_of_the_images(options, share):
    assert TrainConfig(**options).validation_share == share


def test_fine_tuning_goes_with_weights():
    with pytest.raises(UsageError) as error:
        config(fine_tune=2)
    assert str(error.value) == ("--fine-tune goes with --weights: without them the whole network is trained anyway")
    assert TrainConfig(epochs=3, fine_tune=2).all_epochs == 5
    assert TrainConfig(epochs=3).all_epochs == 3


def test_what_nobody_asked_for_changes_neither_the_file_nor_its_options():
    plain = {"batch_size": 32, "learning_rate": 2e-3, "seed": 1, "augment": None}
    assert TrainConfig().to_dict() == plain
    assert not {"epochs", "validation", "patience", "class-weights", "fine-tune"} & set(
        options_of(config(), BUILD).values
    )
    asked = {"validation": 0.2, "patience": 3, "class_weights": True}
    assert TrainConfig(**asked).to_dict() == plain | asked
    values = options_of(config(**asked), BUILD).values
    assert {key: values[key] for key in ("validation", "patience", "class-weights")} == {
        "validation": 0.2,
        "patience": 3,
        "class-weights": True,
    }


def test_the_validation_comes_out_of_the_training_images_and_shares_none_with_them():
    before = splits()
    after = with_validation(config(validation=0.25), before)
    assert after.validation is not None
    assert (len(after.train), len(after.validation)) == (45, 15)
    assert after.validation.class_counts() == {"a": 5, "b": 5, "c": 5}
    assert set(after.train.hashes()) | set(after.validation.hashes()) == set(before.train.hashes())
    assert list(after.parts()) == ["train", "calibration", "test", "validation"]
    assert after.to_dict()["validation"] == {"a": 5, "b": 5, "c": 5}
    assert "validation" not in before.to_dict()
    assert with_validation(config(epochs=5), before) is before
    assert with_validation(config(validation=0.5), after) is after


@pytest.mark.parametrize("options", [{"patience": 1}, {"validation": 0.1}])
def test_a_set_that_can_spare_no_image_is_refused_where_a_validation_is_asked_for(options):
    with pytest.raises(DatasetError, match="'noise' has 3 images for training"):
        with_validation(config(**options), splits(train=3))


def test_a_set_that_can_spare_no_image_is_trained_for_some_epochs_and_that_is_said():
    small = with_validation(config(), splits(train=3))
    assert (small.validation, len(small.train)) == (None, 3)
    assert small.notes == ("noise has too few images for a validation: the training takes 20 epochs",)
    assert training_of(config(), small).epochs == 20
    assert training_of(config(epochs=2), small).epochs == 2
    assert training_of(config(), with_validation(config(), splits())).epochs is None
    assert with_validation(config(epochs=2), splits(train=3)).notes == ()


@pytest.mark.parametrize(
    ("options", "epochs"),  # at most, with the fine-tuning, at least, and the patience
    [
        ({}, (100, 100, 14, 9)),
        ({"patience": 3}, (100, 100, 6, 3)),
        ({"patience": 90}, (100, 100, 100, 90)),
        ({"epochs": 20}, (20, 20, 20, None)),
        ({"epochs": 20, "patience": 3}, (20, 20, 20, 3)),
        ({"fine_tune": 2}, (100, 102, 14, 9)),
    ],
)
def test_a_training_has_a_number_of_epochs_or_a_limit(options, epochs):
    train = TrainConfig(**options)
    assert (train.most_epochs, train.all_epochs, train.least_epochs, train.epochs_waited) == epochs


def test_a_validation_that_shares_images_with_the_test_is_refused():
    with pytest.raises(DatasetError, match="12 different images are in test and in validation"):
        replace(splits(), validation=noise(12, 3))


def test_a_validation_of_other_images_is_refused():
    other = replace(noise(12, 4), images=np.zeros((12, 9, 9), np.uint8))
    with pytest.raises(DatasetError, match="image shapes differ"):
        replace(splits(), validation=other)


def test_the_job_has_the_validation_and_the_files_of_its_training(tmp_path):
    output = OutputConfig(out=tmp_path / "a.tflite", save_keras=True, log_csv=tmp_path / "a.csv")
    asked = config(validation=0.25, output=output)
    parts = with_validation(asked, splits())
    job = job_of(asked, parts, asked.train)
    assert np.array_equal(job.validation, parts.validation.images)
    assert np.array_equal(job.validation_labels, parts.validation.labels)
    assert (job.files.keras, job.files.log) == (str(tmp_path / "a.keras"), str(tmp_path / "a.csv"))
    assert (job.files.checkpoint.path, job.files.checkpoint.resume) == (str(tmp_path / "a.checkpoint"), False)
    converted = job_of(asked, parts, None)
    assert (len(converted.validation), converted.files) == (0, TrainingFiles())


def test_the_images_that_chose_the_weights_count_as_seen():
    asked = config(validation=0.25)
    parts = with_validation(asked, splits())
    seen = seen_images(asked, job_of(asked, parts, asked.train))
    assert seen.look_up(parts.validation.images).all()
    assert not seen.look_up(parts.test.images).any()
    assert seen.total == 60 + 9


def test_only_a_long_training_of_a_network_of_ones_own_is_tried_first():
    images = np.zeros((1000, 100, 100), np.uint8)
    job = Job(model="net.py:make", images=images, labels=np.zeros(1000, np.int64), train=TrainConfig(epochs=10))
    assert trial_is_worth_it(job)
    assert not trial_is_worth_it(replace(job, train=TrainConfig(epochs=9)))
    assert trial_is_worth_it(replace(job, train=TrainConfig()))
    assert trial_is_worth_it(replace(job, train=TrainConfig(patience=7)))
    assert not trial_is_worth_it(replace(job, train=TrainConfig(patience=5)))
    assert not trial_is_worth_it(replace(job, model="small-resnet"))
    assert not trial_is_worth_it(replace(job, train=None))
    trial = trial_of(
        replace(
            job,
            calibration=images,
            validation=images,
            files=TrainingFiles(keras="/a.keras", log="/a.csv"),
            method=Method(qat=QatConfig()),
        )
    )
    assert (len(trial.images), len(trial.labels), len(trial.calibration), len(trial.validation)) == (1, 1, 32, 0)
    assert (trial.untrained, trial.files, trial.method) == (True, TrainingFiles(), Method())


# The epochs


def epoch(number: int, val_loss: float | None = None) -> Epoch:
    return Epoch(epoch=number, loss=1 / number, accuracy=0.5, val_loss=val_loss, val_accuracy=val_loss, seconds=0.25)


def test_an_epoch_reads_like_a_sentence():
    assert epoch(3).to_text() == "loss 0.333, accuracy 50.0 %"
    assert epoch(3, 0.75).to_text() == "loss 0.333, accuracy 50.0 %, validation 75.0 %"


@pytest.mark.parametrize(
    ("losses", "best"),
    [((), None), ((None, None), None), ((0.5,), 1), ((0.5, 0.25, 0.375), 2), ((0.25, 0.25), 1)],
)
def test_the_lowest_loss_on_the_validation_is_the_best_the_first_of_equal_ones(losses, best):
    epochs = tuple(epoch(number, loss) for number, loss in enumerate(losses, 1))
    assert best_epoch(epochs) == best
    training = Training(epochs=epochs, asked=len(epochs) + 1)
    assert (training.best and training.best.epoch) == best
    assert training.to_dict()["stopped_early"] is True


def test_a_figure_that_is_missing_stays_empty_in_the_csv():
    assert csv_lines([]) == "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n"
    assert csv_lines([epoch(1), epoch(2, 0.5)]).splitlines()[1:] == ["1,1.0,0.5,,,0.25", "2,0.5,0.5,0.5,0.5,0.25"]


LOSSES = (0.5, 0.25, 0.375, 0.4)


@pytest.mark.parametrize(
    ("options", "ending"),
    [
        (
            {"asked": 100, "is_open": True, "patience": 2},
            "stopped at epoch 4: the loss on the validation hardly fell from epoch 1 to 3, then the rate fell to 0",
        ),
        ({"asked": 20, "patience": 2}, "stopped at epoch 4: no lower loss on the validation since epoch 2"),
        (
            {"asked": 4, "is_open": True},
            "ended at the limit of 4 epochs, of which 2 was the best: --epochs takes more",
        ),
        ({"asked": 4}, ""),
        (
            {"asked": 102, "is_open": True, "fine_tuned": 2},
            "stopped early, after 4 epochs in all: the loss on the validation fell no more",
        ),
        ({"asked": 4, "fine_tuned": 2}, ""),
    ],
)
def test_a_training_says_why_it_ended(options, ending):
    training = Training(epochs=tuple(epoch(number, loss) for number, loss in enumerate(LOSSES, 1)), **options)
    assert training.ending == training.to_dict()["ending"] == ending


def test_of_a_training_without_a_number_of_epochs_a_quarter_has_a_rate_that_falls():
    assert [fall_length(steady) for steady in (1, 2, 3, 4, 36, 75)] == [1, 1, 1, 2, 12, 25]
    for steady in range(1, 76):
        assert steady_length(steady + fall_length(steady)) == steady


@pytest.mark.parametrize(
    ("loss", "mark", "counts"),
    [
        (0.48, 0.5, True),
        (0.491, 0.5, False),
        (0.0085, 0.01, True),
        (0.0091, 0.01, False),
        (9.0, np.inf, True),
        (np.nan, 0.5, False),
        (0.5, 0.5, False),
        (0.0, 0.0005, False),
    ],
)
def test_a_loss_that_falls_by_two_hundredths_and_by_a_thousandth_is_progress(loss, mark, counts):
    assert is_progress(loss, mark) is counts


def test_a_rate_falls_along_a_cosine_over_a_third_of_the_epochs_before():
    fall = Fall(rate=0.5, limit=100)
    assert [round(fall.rate_after(epochs, 6), 4) for epochs in (6, 7)] == [0.4268, 0.0732]
    assert fall.rate_after(1, 1) == 0.25
    assert [fall.is_over(epochs, 6) for epochs in (6, 7, 8)] == [False, False, True]
    assert not fall.is_over(99, 0)  # it has not begun


def test_a_rate_falls_in_time_for_the_limit_and_no_epoch_earlier():
    assert [fall_length(75), [Fall(rate=0.5, limit=100).is_due(epochs) for epochs in (74, 75)]] == [25, [False, True]]


def test_epochs_that_nothing_judged_have_no_ending_to_explain():
    assert Training(epochs=(epoch(1), epoch(2)), asked=2).ending == ""


# TensorBoard


def built_with(run_here, *options: str) -> tuple[int, str, str]:
    np.savez("noise.npz", x=np.zeros((4, 8, 8), np.uint8), y=np.arange(4) % 2)
    return run_here("build", "noise.npz", *options)


def test_curves_of_two_trainings_are_not_drawn_as_one(run_here):
    Path("runs", "train").mkdir(parents=True)
    Path("runs", "train", "events.out.tfevents.1").touch()
    assert built_with(run_here, "--tensorboard", "runs") == (
        3,
        "",
        "edgeready: runs has the curves of another training: give --tensorboard a folder for each, as TensorBoard "
        "would draw both as one\n",
    )
    code, _, err = built_with(run_here, "--tensorboard", "runs", "--resume")
    assert (code, err.startswith("edgeready: --resume: there is no model.checkpoint")) == (4, True)


@pytest.mark.parametrize("name", ["file", "file/runs", "x" * 300])
def test_curves_need_a_folder(run_here, name):
    Path("file").touch()
    code, out, err = built_with(run_here, "--tensorboard", name)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert err.startswith("edgeready: cannot write")
    assert err.endswith("choose another --tensorboard\n")
    assert sorted(path.name for path in Path().iterdir()) == ["file", "noise.npz"]
