"""How an image classifier is read: what its file promises, and what a caller says in place of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from edgeready_device.errors import ModelFileError, UsageError
from edgeready_device.model_file.ends import (
    class_count,
    input_end,
    probable_scores,
    read_picture_shape,
    score_output,
)
from edgeready_device.model_file.labels import MAX_LABELS, Labels, labels_for
from edgeready_device.model_file.manifest import LAYOUTS, RESIZE_RULES, SCORES, InputSpec, Manifest
from edgeready_device.model_file.pixels import pixel_rule
from edgeready_device.model_file.tensor_spec import TensorSpec
from edgeready_device.normalization import COLORS, Normalization, preset_named
from edgeready_device.preprocess import FrameTable
from edgeready_device.tflite.graph import Graph
from edgeready_device.tflite.kind import kind_of
from edgeready_device.tflite.metadata import TfliteMetadata


@dataclass(frozen=True)
class Description:
    """How to read a model; what is None stays as the file has it.

    `labels` has one entry a class, or maps class numbers to labels. `preset` is a name in `normalization.PRESETS`,
    and stands for what that says where nothing else is given. `resize` is "stretch", "crop" or "letterbox", and
    `crop` the centred share of each side that a picture keeps before that, as 0.875. `color` is "rgb" or "bgr", the
    order in which the model takes the channels, and `layout` "nhwc" or "nchw". `output` is the number of the output
    that holds the scores, from 0 on, and `scores` what they are: "logits" or "probabilities".
    """

    labels: Labels | None = None
    normalization: Normalization | None = None
    resize: str | None = None
    scores: str | None = None
    preset: str | None = None
    color: str | None = None
    layout: str | None = None
    crop: float | None = None
    output: int | None = None

    def __post_init__(self) -> None:
        choices = (
            ("resize rule", self.resize, RESIZE_RULES),
            ("colour order", self.color, COLORS),
            ("layout", self.layout, LAYOUTS),
        )
        for name, value, allowed in choices:
            if value is not None and value not in allowed:
                raise UsageError(f"the {name} is {value!r}: choose {', '.join(allowed)}")
        if self.scores is not None and self.scores not in SCORES:
            raise UsageError(f"the scores are {self.scores!r}: choose {' or '.join(SCORES)}")
        if self.crop is not None and not 0 < self.crop <= 1:
            raise UsageError(f"the crop is {self.crop:g}: give the share of each side, above 0 and at most 1")
        if self.output is not None and self.output < 0:
            raise UsageError(f"the output is {self.output}: outputs are counted from 0")
        if isinstance(self.labels, (str, bytes)):
            raise UsageError(f"the labels are {self.labels!r:.60}: give a list with one label a class")
        if self.preset is not None:
            preset_named(self.preset)

    def with_preset(self) -> Description:
        """Returns the same with what the preset says in place of what is None."""
        if self.preset is None:
            return self
        preset = preset_named(self.preset)
        return replace(
            self,
            normalization=self.normalization or preset.normalization,
            color=self.color or preset.color,
            resize=self.resize or preset.resize,
            crop=self.crop or preset.crop,
        )


AS_THE_FILE_SAYS = Description()


class Described(Protocol):
    """What a contract is read from: a graph, and what the file around it says."""

    @property
    def path(self) -> Path:
        """Where it was read from."""

    @property
    def graph(self) -> Graph:
        """The main subgraph."""

    @property
    def manifest(self) -> Manifest | None:
        """edgeready.json, where there is one."""

    @property
    def metadata(self) -> TfliteMetadata:
        """The standard metadata."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the file; empty where it has none."""

    @property
    def output_labels(self) -> tuple[tuple[str, ...], ...]:
        """The labels of each output by the standard metadata, as people read them."""


@dataclass(frozen=True)
class Contract:
    """How frames go in and scores come out.

    `table` is None for a float model; `raw_pixels` says that 8-bit pixels go in without normalization, and `pixels`
    in words what is done with them and why. `scores` is "logits" or "probabilities"; `labels` has one entry a class,
    two where the one output is a score of the second. `output_number` is that of the output with the scores, and
    `scores_stated` says that a file or a caller, and not the graph alone, says what these are.

    `notes` say where the file contradicts itself. `input_refusal` says why frames cannot be classified before a
    Description says more, and `output_refusal` why scores cannot be read; they are empty where nothing is missing.
    """

    input: TensorSpec
    output: TensorSpec
    frame: InputSpec
    table: FrameTable | None
    scores: str
    labels: tuple[str, ...]
    raw_pixels: bool = False
    pixels: str = ""
    output_number: int = 0
    scores_stated: bool = True
    notes: tuple[str, ...] = ()
    input_refusal: str = field(default="", repr=False)
    output_refusal: str = field(default="", repr=False)

    @property
    def batch(self) -> int:
        """How many frames the model takes at once."""
        return self.input.shape[0]

    @property
    def binary(self) -> bool:
        """Whether the one number that comes out scores the second of two classes."""
        return self.output.shape[-1] == 1

    @property
    def normalization_stated(self) -> bool:
        """Whether it is known what becomes of a pixel."""
        return not self.input_refusal

    def check(self) -> None:
        """Raises ModelFileError where more must be said before pictures can be classified."""
        if self.input_refusal or self.output_refusal:
            raise ModelFileError(self.input_refusal or self.output_refusal)


def read_contract(file: Described, description: Description = AS_THE_FILE_SAYS) -> Contract:
    """The Contract of `file`, `description` going before it; raises ModelFileError when it is no image classifier.

    What a foreign file does not say: stretch to size; 8-bit pixels go in as they are where the input's range is one
    of pixels; scores are probabilities if the last op is SOFTMAX or LOGISTIC; labels are the class numbers. What
    cannot be concluded without risk is in the contract's refusals.
    """
    try:
        contract = _contract(file, description)
    except ModelFileError as error:
        kind = kind_of(file.graph)
        more = "" if kind.classifier else f"; {kind.sentence}"
        raise ModelFileError(f"{file.path}: {error}{more}") from error
    refusals = (contract.input_refusal, contract.output_refusal)
    before, after = (f"{file.path}: {refusal}" if refusal else "" for refusal in refusals)
    return replace(contract, input_refusal=before, output_refusal=after)


def _contract(file: Described, description: Description) -> Contract:
    graph, manifest, description = file.graph, file.manifest, description.with_preset()
    number = description.output if description.output is not None else manifest.output if manifest else None
    input_spec, output_spec, number = input_end(graph), *score_output(graph, number)
    pixels = pixel_rule(
        input_spec,
        described=description.normalization,
        manifest=manifest.input.normalization if manifest else None,
        metadata=file.metadata.normalization,
    )
    scores = description.scores or (manifest.scores if manifest else None)
    labels, label_refusal = _labels(
        file,
        description,
        class_count(output_spec, input_spec.shape[0]),
        number=number,
        binary=output_spec.shape[-1] == 1,
    )
    unknown_scores, scores_stated = "", scores is not None
    if scores is None:
        scores, unknown_scores = probable_scores(graph, output_spec)
    return Contract(
        input=input_spec,
        output=output_spec,
        frame=_frame(input_spec, description, manifest, pixels.normalization or Normalization()),
        table=pixels.table,
        scores=scores,
        labels=labels,
        raw_pixels=pixels.raw,
        pixels=pixels.text,
        output_number=number,
        scores_stated=scores_stated,
        notes=tuple(filter(None, [pixels.note, *_doubts(graph)])),
        input_refusal=pixels.refusal,
        output_refusal=label_refusal or unknown_scores or _refuse_other_kind(file, description),
    )


def _doubts(graph: Graph) -> list[str]:
    """What is odd about the quantization: kernels may run it, and nobody says what they make of it."""
    return [
        f"{doubt}, so that runtimes may answer wrongly: hold it against the float model" for doubt in graph.doubts
    ]


def _refuse_other_kind(file: Described, description: Description) -> str:
    """Why a row of numbers is probably none of class scores; empty where somebody says that it is."""
    kind = kind_of(file.graph)
    described = (description.labels, description.output, description.scores) != (None, None, None)
    is_classifier = kind.classifier and not kind.features
    if is_classifier or described or file.manifest is not None or file.labels:
        return ""
    return f"{kind.sentence}; if its output is a row of class scores, give --labels (Description(labels=...))"


def _frame(
    spec: TensorSpec, description: Description, manifest: Manifest | None, normalization: Normalization
) -> InputSpec:
    """What is said goes before what the file says."""
    in_file = manifest.input if manifest else None
    layout = description.layout or (in_file.layout if in_file else None)
    height, width, channels, layout = read_picture_shape(spec, layout)
    return InputSpec(
        height,
        width,
        channels,
        resize=description.resize or (in_file.resize if in_file else "stretch"),
        normalization=normalization,
        color=description.color or (in_file.color if in_file else "rgb"),
        layout=layout,
        crop=description.crop or (in_file.crop if in_file else 1.0),
    )


def _labels(
    file: Described, description: Description, classes: int, number: int, *, binary: bool
) -> tuple[tuple[str, ...], str]:
    """One label a class, and why those in the file cannot be used; a Description's must fit."""
    if classes > MAX_LABELS:  # before a label is made for each
        raise ModelFileError(f"{classes} values in its output, more than {MAX_LABELS} classes: no image classifier")
    if description.labels is not None:
        labels = labels_for(description.labels, classes)
        if len(labels) != classes:
            raise ModelFileError(_misfit(len(labels), classes, "give the labels of this model"))
        return labels, ""
    by_output = file.output_labels[number] if number < len(file.output_labels) else ()
    labels = by_output or file.labels
    if len(labels) == 1 and binary:  # of the class that the number scores
        labels = (f"not {labels[0]}", labels[0])
    numbers = tuple(str(index) for index in range(classes))
    if labels and len(labels) != classes:
        remedy = "give the file that belongs to the model, or the right ones with --labels (Description(labels=...))"
        return numbers, _misfit(len(labels), classes, remedy)
    return labels or numbers, ""


def _misfit(labels: int, classes: int, remedy: str) -> str:
    return f"{labels} labels for {classes} classes: {remedy}"
