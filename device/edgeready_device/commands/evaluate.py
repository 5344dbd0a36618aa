"""`evaluate`: measures accuracy on labelled images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edgeready_device.commands.options import add_description_options, add_verb, open_classifier
from edgeready_device.commands.terminal import budget, progress, say, say_stage, show


def add(verbs: Any) -> None:
    """Declares `evaluate` and its options."""
    summary = "measures top-1 and top-5 accuracy on labelled images"
    parser = add_verb(verbs, "evaluate", run, summary=summary, opens=True)
    parser.add_argument(
        "data", type=Path, help="a .npz of images and labels, or a folder with one subfolder for each label"
    )
    parser.add_argument(
        "--confusion", action="store_true", help="show how often each class was mistaken for each other class"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="interpreters that share the images (default: one for each CPU)"
    )
    parser.add_argument(
        "--follow-links", action="store_true", help="follow symbolic links that lead out of the folder"
    )
    parser.add_argument("--skip-damaged", action="store_true", help="leave out images that cannot be read")
    parser.add_argument(
        "--min-accuracy", type=float, metavar="PERCENT", help="exit with 1 when top-1 accuracy is below it"
    )
    add_description_options(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluates and returns the exit code: 1 when the accuracy is below --min-accuracy."""
    from edgeready_device import evaluation
    from edgeready_device.report.predictions import evaluation_json, evaluation_text

    model = open_classifier(options)
    frame, follow = model.contract.frame, options.follow_links
    say_stage(f"reads {options.data}")
    data = evaluation.load_examples(
        options.data, frame, model.labels, follow_links=follow, skip_damaged=options.skip_damaged
    )
    for note in data.notes:
        say(note)
    result = evaluation.evaluate(model, data.frames, data.truth, workers=options.workers, progress=progress())
    result, note = evaluation.leave_out(result, data)
    if note:
        say(note)
    text = evaluation_text(result, model.runtime, confusion=options.confusion)
    document = {
        "model": str(options.model),
        "data": str(options.data),
        **evaluation_json(result, model.runtime),
    }
    show(options, document, text)
    return budget("top-1 accuracy", 100 * result.top1.value, "%", least=options.min_accuracy)
