"""Declares the options that verbs share, each once, and opens the model that they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeready_device.commands.terminal import say, say_stage
from edgeready_device.commands.verbosity import add_verbosity_options

if TYPE_CHECKING:
    from edgeready_device.model import Model
    from edgeready_device.model_file.contract import Description
    from edgeready_device.model_file.reader import TfliteModel
    from edgeready_device.model_inputs import ModelInputs

Handler = Callable[[argparse.Namespace], int]


def add_verb(
    verbs: Any, name: str, run: Handler, *, summary: str, model: str | None = "1", opens: bool = False
) -> argparse.ArgumentParser:
    """Declares a verb with the options that all have, and returns its parser.

    `model` is "1" for one .tflite file, "?" for one that can be left out, None for a verb without. `opens` adds the
    options of verbs that open a runtime.
    """
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=description)
    if model is not None:
        parser.add_argument("model", type=Path, nargs=None if model == "1" else model, help="a .tflite file")
    parser.add_argument("--json", action="store_true", help="write one JSON document to standard output")
    parser.add_argument("--debug", action="store_true", help="add a traceback to an error")
    add_verbosity_options(parser)
    if opens:
        add_opening_options(parser)
        add_size_option(parser)
    parser.set_defaults(handler=run)
    return parser


def add_opening_options(parser: argparse.ArgumentParser) -> None:
    """Declares the options about runtime, delegate and trust."""
    parser.add_argument(
        "--runtime",
        metavar="NAME",
        help="ai-edge-litert or tflite-runtime (default: the choice of tune, else the first that is installed; tune "
        "itself tries all)",
    )
    add_delegate_option(parser)
    add_trust_option(parser)


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Declares --trusted."""
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="skip the check of the file's structure, and its first run on this machine in a child process",
    )


def add_size_option(parser: argparse.ArgumentParser) -> None:
    """Declares --input-size; --size would be that of a camera."""
    parser.add_argument(
        "--input-size",
        metavar="WxH",
        help="width and height of the images of a model that leaves them open, as 224x224",
    )


def add_inputs_option(parser: argparse.ArgumentParser) -> None:
    """Declares --inputs."""
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="FILE.npz",
        help="feed the samples in this file: an array for each input, called by its name or input_0 and so on "
        "(default: seeded noise)",
    )


def add_delegate_option(parser: argparse.ArgumentParser) -> None:
    """Declares --delegate."""
    parser.add_argument(
        "--delegate",
        metavar="NAME|LIB,KEY=VALUE",
        help="edgetpu[:usb|:pci|:N], or the path of a delegate's shared library with its options",
    )


def add_threads_option(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Declares --threads: one number, or with `several` a list of them to try."""
    if several:
        default = "the powers of two up to all CPUs"
        parser.add_argument(
            "--threads", type=_numbers, metavar="N,N,...", help=f"numbers of threads to try (default: {default})"
        )
    else:
        default = "the choice of tune, else 1"
        parser.add_argument("--threads", type=int, metavar="N", help=f"threads of the runtime (default: {default})")


def add_description_options(parser: argparse.ArgumentParser, *, scores: bool = True) -> None:
    """Declares the options that say how pictures go into a model, and what the `scores` of a classifier mean."""
    from edgeready_device.normalization import PRESETS

    group = parser.add_argument_group("description of the model, which overrides what the file says")
    group.add_argument(
        "--labels", type=Path, metavar="FILE", help="one label a line, lines of number and label, or JSON"
    )
    group.add_argument("--mean", help="the network sees (pixel - MEAN) / STD: 127.5, or a number for each channel")
    group.add_argument("--std", help="as --mean: 127.5 or 58.4,57.1,57.4")
    group.add_argument(
        "--preset", metavar="NAME", help=f"how a known family of networks takes pictures: {', '.join(PRESETS)}"
    )
    group.add_argument(
        "--resize", metavar="RULE", help="how an image becomes a frame: stretch, letterbox, or (of classifiers) crop"
    )
    group.add_argument("--color", metavar="ORDER", help="the order in which the model takes channels: rgb or bgr")
    group.add_argument(
        "--layout", help="nhwc or nchw, where the input's shape can be read as both: channels last or first"
    )
    if not scores:
        parser.set_defaults(crop=None, output=None, scores=None)
        return
    group.add_argument(
        "--crop", type=float, metavar="SHARE", help="keep the centre of each image first, as 0.875 of each side"
    )
    group.add_argument("--output", type=int, metavar="N", help="the output that holds the scores, counted from 0")
    group.add_argument("--scores", metavar="KIND", help="what the output holds: logits or probabilities")


def bound_counts(options: argparse.Namespace) -> None:
    """Bounds --threads and --workers in `options` by the CPUs that this process may use, and says so."""
    from edgeready_device.machine.machine import bound_threads

    for name in ("threads", "workers"):
        count = getattr(options, name, None)
        numbers = count if isinstance(count, tuple) else () if count is None else (count,)
        largest = max(numbers, default=0)
        most = bound_threads(largest)
        if most < largest:
            bounded = tuple(dict.fromkeys(map(bound_threads, numbers)))
            setattr(options, name, bounded if isinstance(count, tuple) else most)
            say(f"--{name} {largest}: this process may use {most} CPU{'s' * (most > 1)}, and {name} are no more")


def read_file(options: argparse.Namespace) -> TfliteModel:
    """Returns the file that `options` name, checked unless they say that it is trusted."""
    from edgeready_device.model_file.reader import read_model_file

    say_stage(f"reads {options.model}")
    return read_model_file(options.model, trusted=getattr(options, "trusted", False))


def open_file(options: argparse.Namespace, *kernels: str) -> TfliteModel:
    """Returns the file that `options` name; it has run in a child process before, on each of `kernels`."""

    file = apply_size(options, read_file(options))
    try_file(options, file, *kernels)
    return file


def open_any(options: argparse.Namespace) -> tuple[TfliteModel, ModelInputs | None]:
    """Returns the file that `options` name, at the sizes of the samples in --inputs, and these.

    It has run in a child process before.
    """
    from edgeready_device.model_inputs import read_inputs

    file, inputs = apply_size(options, read_file(options)), None
    if options.inputs is not None:
        file, inputs = read_inputs(options.inputs, file)
    try_file(options, file)
    return file, inputs


def apply_size(options: argparse.Namespace, file: TfliteModel) -> TfliteModel:
    """Returns `file` with the size that `options` name where it leaves its own open."""
    from edgeready_device.model_file.input_size import parse_size, with_image_size

    size = getattr(options, "input_size", None)
    return file if size is None else with_image_size(file, parse_size(size))


def open_model(options: argparse.Namespace) -> Model:
    """Returns the Model that `options` ask for."""
    from edgeready_device.model import Model

    return Model.from_file(
        open_file(options),
        runtime=options.runtime,
        threads=getattr(options, "threads", None),
        delegate=options.delegate,
        keep_state=getattr(options, "keep_state", False),
    )


def try_file(options: argparse.Namespace, file: TfliteModel, *kernels: str) -> None:
    """Runs `file` in a child process first, on each of `kernels`, as `options` will run it here."""
    from edgeready_device.first_run import run_first

    has_delegate = getattr(options, "delegate", None) is not None  # whose first run is in a child process anyhow
    if not options.trusted and not has_delegate:
        for path in kernels or ("default",):
            say_stage(f"runs {file.path} in a child process first (kernels: {path}), unless it ran here before")
            run_first(file, options.runtime, getattr(options, "threads", None), kernels=path)


def open_classifier(options: argparse.Namespace, file: TfliteModel | None = None) -> Model:
    """Returns the Model that `options` ask for, as they describe it, ready to classify; `file` was read before.

    What the file says of itself and its contradictions go to standard error. Raises ModelFileError for a file that is
    no classifier, or of which more must be said, before a runtime sees it.
    """
    from edgeready_device.commands.terminal import say
    from edgeready_device.model import Model, contract_of

    description = read_description(options)
    file = apply_size(options, file or read_file(options))
    contract = contract_of(file, description)
    contract.check()
    for note in contract.notes:
        say(f"{file.path}: {note}")
    try_file(options, file)
    return Model.from_file(
        file,
        runtime=options.runtime,
        threads=getattr(options, "threads", None),
        delegate=options.delegate,
        keep_state=getattr(options, "keep_state", False),
        description=description,
    )


def read_description(options: argparse.Namespace) -> Description:
    """Returns the Description of the model in `options`."""
    from edgeready_device import normalization
    from edgeready_device.model_file import contract, labels

    return contract.Description(
        labels=None if options.labels is None else labels.read_labels(options.labels),
        normalization=normalization.parse_normalization(options.mean, options.std),
        resize=options.resize,
        scores=options.scores,
        preset=options.preset,
        color=options.color,
        layout=options.layout,
        crop=options.crop,
        output=options.output,
    )


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: give numbers, as 1,2,4") from error
