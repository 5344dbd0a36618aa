"""Accuracy on labelled images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edgeready_device.commands.opening import add_description_options, description_of, open_model
from edgeready_device.commands.terminal import budget, progress, show, verb


def add(verbs: Any) -> None:
    """Declares the verb."""
    parser = verb(verbs, "evaluate", run, "top-1 accuracy on labelled images", runs=True)
    parser.add_argument("data", type=Path, help="a .npz in Keras layout, or a folder with one subfolder per label")
    parser.add_argument("--confusion", action="store_true", help="also how often each class was taken for which")
    parser.add_argument("--workers", type=int, help="interpreters that share the images (default: one a CPU)")
    parser.add_argument("--follow-links", action="store_true", help="take symbolic links that lead out of a folder")
    parser.add_argument("--min-accuracy", type=float, help="exit 1 below this top-1 accuracy in percent")
    add_description_options(parser)


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code."""
    from edgeready_device import evaluation
    from edgeready_device.report.predictions import evaluation_json, evaluation_text

    model = open_model(options).described_as(description_of(options))
    frame, follow = model.contract.frame, options.follow_links
    data = evaluation.load_examples(options.data, frame, model.labels, follow_links=follow)
    result = evaluation.evaluate(model, data.frames, data.truth, workers=options.workers, progress=progress())
    text = evaluation_text(result, model.runtime, confusion=options.confusion)
    show(options, evaluation_json(result, model.runtime), text)
    return budget("top-1 accuracy", 100 * result.top1.value, "%", least=options.min_accuracy)
