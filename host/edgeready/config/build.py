"""What a build is asked for, as plain values that check themselves.

Each option of the commands is one field here, with its default and its help; the commands and the library read it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Annotated, Any

from edgeready.config.augmentation import AUGMENTATIONS
from edgeready.config.description import MeanOption
from edgeready.config.devices import DevicesConfig
from edgeready.config.disk import CacheOption
from edgeready.config.engine import AUTO, ENGINES, check_engine
from edgeready.config.method import CALIBRATIONS, Method, QatConfig
from edgeready.config.networks import IMAGENET_WIDTHS, SCALABLE_NETWORKS, check_alpha, check_width
from edgeready.config.option import Option, parse_image_size, parse_shape
from edgeready.config.output import OutputConfig as OutputConfig
from edgeready.config.training import (
    MOST_EPOCHS,
    PATIENCE,
    VALIDATION,
    check_fine_tuning,
    check_seed,
    check_training,
    check_validation,
    check_weight_decay,
    fall_length,
)
from edgeready.errors import UsageError
from edgeready_device.normalization import (
    COLORS,
    PRESETS,
    Normalization,
    normalization_of,
    parse_numbers,
    preset_named,
)

# Fields of a training that are said only where somebody asks for them.
_ASKED_FOR = ("epochs", "validation", "patience", "class_weights", "fine_tune", "weight_decay")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the images come from, a named set, a .npz or a folder, and how they are read and split.

    `image_size` is (height, width); `frame` is (height, width, channels), which a trained model takes, and goes
    before it for any kind of data. `test` names a set whose images are tested on in the place of the data's own.
    `calibration_samples` images give the ranges, None for as many as suit; they come from `calibration_data` instead,
    where that names a set of images of its own.
    """

    source: str
    image_size: Annotated[
        tuple[int, int] | None,
        Option(help="resize a folder's images to 96 or 96x128 (height x width) pixels", parse=parse_image_size),
    ] = None
    channels: Annotated[int | None, Option(help="read a folder's images as grey (1) or RGB (3)")] = None
    seed: Annotated[int, Option(help="seed of the splits, the initial weights and the order of the images")] = 1
    follow_links: Annotated[bool, Option(help="follow symbolic links that lead out of a folder")] = False
    test: Annotated[str | None, Option(help="take the test images from this .npz, folder or named set instead")] = (
        None
    )
    skip_damaged: Annotated[bool, Option(help="leave out images of a folder that cannot be read")] = False
    cache: CacheOption = True
    calibration_samples: Annotated[
        int | None, Option(help="number of calibration images (default: a fifth, at most 500)")
    ] = None
    calibration_data: Annotated[
        str | None, Option(help="take the calibration images from this .npz or folder instead")
    ] = None
    frame: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.image_size is not None and min(self.image_size) < 1:
            raise UsageError(f"the image size is {self.image_size}: use at least 1 pixel")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"channels is {self.channels}: use 1 (grey) or 3 (RGB)")
        if self.calibration_samples is not None and self.calibration_samples < 1:
            raise UsageError(f"--calibration-samples is {self.calibration_samples}: calibrate with at least 1 image")
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Adam with a rate that falls from `learning_rate` to 0 along a cosine over the `epochs`; AdamW with a decay.

    With `epochs` None the rate stays until the validation stops improving, and then falls to 0 in the same way.
    `augment` is one of AUGMENTATIONS, or None for what suits the network and the data. `seed` makes it repeatable;
    the commands take that of the data. With a validation, a share of the training images, the weights of the epoch
    with the lowest loss on it are kept. `class_weights` lets a class count as much as any other, however few images
    it has.
    """

    epochs: Annotated[
        int | None, Option(help="passes over the training images (default: until the validation stops improving)")
    ] = None
    batch_size: Annotated[int, Option(help="images in a step")] = 32
    learning_rate: Annotated[float, Option(help="first learning rate of Adam, which falls to 0 in the end")] = 2e-3
    seed: int = 1
    augment: Annotated[str | None, Option(help=f"{', '.join(AUGMENTATIONS)} (default: by network and data)")] = None
    validation: Annotated[
        float | None, Option(help="share of the training images that judges each epoch; the best weights are kept")
    ] = None
    patience: Annotated[
        int | None,
        Option(
            help="end, or without --epochs let the rate fall, after so many epochs without a better one on the "
            f"validation (without --validation: {VALIDATION:g} of the images)"
        ),
    ] = None
    class_weights: Annotated[
        bool | None, Option(help="let each class count alike, however few images it has", flags=("--class-weights",))
    ] = None
    fine_tune: Annotated[
        int | None, Option(help="epochs that train the backbone, too, at a low rate, after those of the head")
    ] = None
    weight_decay: Annotated[
        float | None, Option(help="train with AdamW: a step takes this times the rate of each weight, such as 0.05")
    ] = None

    def __post_init__(self) -> None:
        check_validation(self.validation, self.patience)
        check_fine_tuning(self.fine_tune)
        check_weight_decay(self.weight_decay)
        check_training(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            seed=self.seed,
            augment=self.augment,
        )

    @property
    def validation_share(self) -> float | None:
        """The share of the training images that is held out to judge each epoch; None for none."""
        is_needed = self.patience is not None or self.epochs is None
        return VALIDATION if self.validation is None and is_needed else self.validation

    @property
    def most_epochs(self) -> int:
        """The epochs that there are at most, without those of the fine-tuning."""
        return MOST_EPOCHS if self.epochs is None else self.epochs

    @property
    def all_epochs(self) -> int:
        """The epochs that there are at most, with those of the fine-tuning."""
        return self.most_epochs + (self.fine_tune or 0)

    @property
    def least_epochs(self) -> int:
        """The epochs that there are at least, unless the patience ends them."""
        if self.epochs is not None:
            return self.all_epochs
        steady = (self.patience or PATIENCE) + 1
        return min(steady + fall_length(steady), MOST_EPOCHS)

    @property
    def epochs_waited(self) -> int | None:
        """The epochs without a better one that end the training, or its full rate; None where nothing does."""
        return PATIENCE if self.patience is None and self.epochs is None else self.patience

    def to_dict(self) -> dict[str, Any]:
        """The training as plain data, without what was not asked for: older files do not have it."""
        return {name: value for name, value in asdict(self).items() if name not in _ASKED_FOR or value is not None}


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """What the network starts from, how wide it is, and what it sees.

    `mean` and `std` hold one number or one per channel, in the network's order of the channels; `preset` names the
    convention of a family of networks. Without them the network's own normalization counts, and for a trained
    network the one that labelled images show. `color` "bgr" says that it takes blue first. `fix` rewrites layers that
    the Edge TPU lacks where the result stays the same.
    """

    weights: Annotated[str | None, Option(help="start from imagenet or a file of weights (transfer learning)")] = None
    alpha: Annotated[
        float | None,
        Option(
            help=f"width of the network, where 1 is all of it ({', '.join((*SCALABLE_NETWORKS, *IMAGENET_WIDTHS))})"
        ),
    ] = None
    mean: MeanOption = None
    std: Annotated[
        tuple[float, ...] | None,
        Option(
            help="as --mean: 127.5, or 58.4,57.1,57.4 (default: mean 0, std 255)",
            parse=partial(parse_numbers, "--std"),
        ),
    ] = None
    preset: Annotated[
        str | None, Option(help=f"normalization and colour order of a family of networks: {', '.join(PRESETS)}")
    ] = None
    color: Annotated[str | None, Option(help="the order in which the network takes channels: rgb or bgr")] = None
    fix: Annotated[
        bool, Option(help="rewrite layers that the Edge TPU lacks, with the same result", flags=("--fix/--no-fix",))
    ] = True

    def __post_init__(self) -> None:
        if self.preset is not None and (self.mean, self.std) != (None, None):
            raise UsageError(f"--preset {self.preset} has a mean and a deviation: leave --mean and --std out")
        if self.color is not None and self.color not in COLORS:
            raise UsageError(f"--color is {self.color!r}: choose {' or '.join(COLORS)}")
        own = None if self.preset is None else preset_named(self.preset).color
        if self.color is not None and own is not None and self.color != own:
            raise UsageError(f"--preset {self.preset} takes {own}: leave --color {self.color} out")
        check_alpha(self.alpha)
        _ = self.normalization

    @property
    def normalization(self) -> Normalization | None:
        """What `mean` and `std` or the preset say; None for the network's own."""
        if self.preset is not None:
            return preset_named(self.preset).normalization
        return normalization_of(self.mean, self.std)

    @property
    def color_order(self) -> str | None:
        """The order of the channels by `color` or the preset; None where nothing is said."""
        return self.color or (None if self.preset is None else preset_named(self.preset).color)


@dataclass(frozen=True, kw_only=True)
class QuantizeConfig:
    """How a model is made integer, and what that may cost.

    `max_drop` is how many points of accuracy it may lose; within it the cheapest way is taken. `engine` makes the
    integers: "auto" is LiteRT for a source that needs no TensorFlow, with TensorFlow where LiteRT refuses.
    """

    max_drop: Annotated[
        float | None, Option(help="largest loss of accuracy in points; tries methods until one keeps it")
    ] = None
    calibration: Annotated[str, Option(help=f"method that chooses the ranges: {', '.join(CALIBRATIONS)}")] = (
        CALIBRATIONS[0]
    )
    qat: Annotated[int | None, Option(help="number of epochs of quantization-aware training")] = None
    engine: Annotated[str, Option(help=f"what makes the integers: {', '.join(ENGINES)}")] = AUTO

    def __post_init__(self) -> None:
        check_engine(self.engine)
        if self.max_drop is not None and not 0 <= self.max_drop < 100:
            raise UsageError(f"--max-drop is {self.max_drop:g}: give points of accuracy from 0 to 100, such as 0.3")
        if self.qat is not None and (self.max_drop is not None or self.calibration != CALIBRATIONS[0]):
            raise UsageError(
                f"--qat goes with {CALIBRATIONS[0]} ranges and without --max-drop, which trains by itself if it must"
            )
        _ = self.method

    @property
    def method(self) -> Method:
        """The Method that they mean."""
        return Method(calibration=self.calibration, qat=None if self.qat is None else QatConfig(epochs=self.qat))


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """How a saved model is read and what may be in it.

    `signature` names one of a SavedModel's; `inputs`, `outputs` (tensor names) and `shapes` (one per input, with or
    without batch) say what a frozen graph leaves open. `select_tf_ops` lets TensorFlow's own ops in, `custom_ops`
    those that nobody here knows: neither kind runs in a plain runtime. `torch_python` is the interpreter that reads a
    network of PyTorch: a .pt2, a TorchScript file, or a FUNCTION that returns a torch.nn.Module. `labels` is a file
    with the names of the model's classes; "none" looks for none.
    """

    labels: Annotated[
        str | None,
        Option(
            help="file with the names of the model's classes in their order (default: those in a .tflite, or in "
            "labels.txt beside the model); none takes the order of the data"
        ),
    ] = None
    signature: Annotated[str | None, Option(help="name of the SavedModel's signature")] = None
    inputs: Annotated[
        tuple[str, ...], Option(help="name of a frozen graph's input; repeat for several", flags=("--input",))
    ] = ()
    outputs: Annotated[
        tuple[str, ...], Option(help="name of a frozen graph's output; repeat for several", flags=("--output",))
    ] = ()
    shapes: Annotated[
        tuple[tuple[int, ...], ...],
        Option(
            help="shape that the model leaves open, 1x28x28x1; repeat for several inputs",
            flags=("--input-shape",),
            parse=parse_shape,
        ),
    ] = ()
    select_tf_ops: Annotated[bool, Option(help="allow TensorFlow's own ops, which no runtime from pip runs")] = False
    custom_ops: Annotated[
        bool, Option(help="allow ops that only your own runtime knows", flags=("--allow-custom-ops",))
    ] = False
    torch_python: Annotated[
        str | None, Option(help="a Python with PyTorch, for .pt2, TorchScript and FILE.py:FUNCTION of torch")
    ] = None

    def __post_init__(self) -> None:
        if self.labels is not None:
            object.__setattr__(self, "labels", str(self.labels))  # a notebook writes a Path
        for shape in self.shapes:
            if not shape or min(shape) < 1:
                raise UsageError(f"the input shape is {list(shape)}: write sizes from 1, as in 28x28x1")


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """One model file to make: `model` is a named network, FILE.py:FUNCTION, or (to convert) a saved model."""

    data: DataConfig
    model: str
    output: OutputConfig = field(default_factory=OutputConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    quantize: QuantizeConfig = field(default_factory=QuantizeConfig)
    source: SourceConfig = field(default_factory=SourceConfig)
    devices: DevicesConfig = field(default_factory=DevicesConfig)

    def __post_init__(self) -> None:
        check_width(self.model, self.network.alpha, self.network.weights)
        if self.train.fine_tune is not None and self.network.weights is None:
            raise UsageError("--fine-tune goes with --weights: without them the whole network is trained anyway")
        if self.quantize.max_drop is not None and self.output.chosen_mode.name not in ("uint8", "int8"):
            raise UsageError(
                "--max-drop goes with the integer-only modes uint8 and int8, not with "
                f"{self.output.chosen_mode.name}: leave one of the two options out"
            )
