"""What a model was made from, and how its training went, out of a document."""

from __future__ import annotations

from dataclasses import dataclass

from edgeready.documents.fields import Fields


@dataclass(frozen=True, kw_only=True)
class Making:
    """One finished model file: the network, the data and the mode, and what its making says to a reader.

    `images` counts those of the training, the calibration and the test, `validation` those that judged its epochs.
    `doubts` speak against the file, `data_notes` say what was left out of the data, and where the test is from.
    """

    model: str
    network: str
    mode: str
    engine: str
    data: str
    classes: tuple[str, ...]
    shape: tuple[int | None, int | None, int | None]
    images: tuple[int, int, int]
    validation: int
    data_notes: tuple[str, ...]
    majority: float | None
    doubts: tuple[str, ...]
    rewrites: tuple[str, ...]
    calibration: tuple[str, ...]
    convention: str


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """The figures of one epoch; what was not measured is None."""

    loss: float | None
    accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """The epochs of a model's training, in their order.

    `best_epoch`, from 1, is the one whose weights were kept; None where they are the last one's. `stopped_early` says
    that fewer epochs were trained than were asked for, `ending` why.
    """

    model: str
    epochs: tuple[Epoch, ...]
    best_epoch: int | None = None
    stopped_early: bool = False
    ending: str = ""


def read_making(fields: Fields, model: str) -> Making:
    """Returns the Making in a build's document."""
    data = fields.child("data") or Fields(file=fields.file, data={})
    image = data.child("image") or Fields(file=fields.file, data={})
    parts = [_sum_counts(data.child(name)) for name in ("train", "calibration", "test")]
    calibration, convention = fields.child("calibration"), fields.child("convention")
    return Making(
        model=model,
        network=fields.text("network"),
        mode=fields.text("mode"),
        engine=fields.text("engine"),
        data=data.text("name"),
        classes=data.texts("classes"),
        shape=(image.whole("height"), image.whole("width"), image.whole("channels")),
        images=(parts[0], parts[1], parts[2]),
        validation=_sum_counts(data.child("validation")),
        data_notes=data.texts("notes"),
        majority=data.number("majority_baseline"),
        doubts=fields.texts("doubts"),
        rewrites=fields.texts("rewrites"),
        calibration=() if calibration is None else calibration.texts("warnings"),
        convention="" if convention is None else convention.text("chosen"),
    )


def read_training(fields: Fields, model: str) -> Training | None:
    """Returns the Training in a build's document; None where nothing was trained."""
    training = fields.child("training")
    if training is not None and training.children("epochs"):
        epochs = tuple(
            Epoch(
                loss=epoch.number("loss"),
                accuracy=epoch.number("accuracy"),
                val_loss=epoch.number("val_loss"),
                val_accuracy=epoch.number("val_accuracy"),
            )
            for epoch in training.children("epochs")
        )
        return Training(
            model=model,
            epochs=epochs,
            best_epoch=training.whole("best_epoch"),
            stopped_early=bool(training.flag("stopped_early")),
            ending=training.text("ending"),
        )
    losses = fields.data.get("epoch_losses")
    if not losses:
        return None
    if not isinstance(losses, list):
        raise fields.error("epoch_losses", losses, "list of numbers")
    numbers = Fields(
        file=fields.file, data={str(number): loss for number, loss in enumerate(losses)}, place="epoch_losses"
    )
    return Training(model=model, epochs=tuple(Epoch(loss=numbers.number(name)) for name in numbers.data))


def _sum_counts(fields: Fields | None) -> int:
    return 0 if fields is None else sum(fields.whole(name) or 0 for name in fields.data)
