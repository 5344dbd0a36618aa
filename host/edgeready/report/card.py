"""A model card in Markdown: YAML in front, as model hubs read it, and then the sections that they show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from edgeready.documents import (
    Accuracy,
    Cause,
    Document,
    LayerErrors,
    Making,
    Readiness,
    Searched,
    SearchTable,
    Share,
    Size,
    Speed,
    Training,
)
from edgeready_device import __version__
from edgeready_device.text import cut, duration, plain

_LONGEST = 400  # characters of a text; chosen as for the page
_WORK = 1000  # characters that are looked at at all; chosen: cutting takes time with the square of them
_MOST_CLASSES = 20  # of a table or a list; chosen: a card is read, and 1,000 lines are not
_MOST_LAYERS = 5  # chosen: what a reader can do something about
_MOST_NETWORKS = 12  # of a search; chosen: those trained to the end come first
_OPEN = "[More Information Needed]"  # what hubs' own templates have where the author has to write
# What Markdown reads as a sign: anywhere, in an address that hubs turn into a link, in ":name:", which they turn into
# a picture, and at the start of a line. "&" and "<" become entities.
_SIGNS = re.compile(
    r"[\\`*_{}\[\]|~$@]|:(?=[/\w+-])|(?<=www)\.|^[#+>=-]|(?<=\d)[.)](?=\s|$)",
    re.IGNORECASE,
)
Part = TypeVar("Part")


def format_card(documents: Sequence[Document], title: str) -> str:
    """Returns the model card on `documents`; what only its author knows is left open."""
    blocks = [
        _front_matter(documents, title),
        f"# {escape(title)}",
        *_details(documents),
        "## Uses",
        _OPEN,
        "## Bias, Risks, and Limitations",
        *_risks(documents),
        "## How to Get Started with the Model",
        *_start(documents),
        "## Training Details",
        *_training(documents),
        "## Evaluation",
        *_evaluation(documents),
        "## Technical Specifications",
        *_specifications(documents),
    ]
    return "\n\n".join(block for block in blocks if block) + f"\n\nMade by edgeready {__version__}.\n"


def escape(text: str) -> str:
    """Returns a text in one line in which nothing is Markdown or HTML."""
    short = cut(_encodable(text), _LONGEST).replace("&", "&amp;").replace("<", "&lt;")
    return _SIGNS.sub(r"\\\g<0>", short) or "(no name)"


def quote(text: str) -> str:
    """Returns a text as a YAML string in double quotes, which is a JSON string without escapes for letters."""
    return json.dumps(cut(_encodable(text), _LONGEST), ensure_ascii=False)


def _encodable(text: str) -> str:
    return plain(text[:_WORK].encode("utf-8", "replace").decode("utf-8"))


def _parts(documents: Sequence[Document], kind: type[Part]) -> list[Part]:
    return [part for document in documents for part in document.parts if isinstance(part, kind)]


def _front_matter(documents: Sequence[Document], title: str) -> str:
    accuracies = _parts(documents, Accuracy)
    ready = [part for part in _parts(documents, Readiness) if part.verdict == "ready"]
    modes = {part.mode for part in _parts(documents, Making)}
    tags = ["tflite", *(["edge-tpu"] if ready else []), *(["quantized"] if modes - {"float32"} else [])]
    lines = [
        "---",
        "license:  # fill in, for example apache-2.0",
        "library_name: tflite",
        *(["pipeline_tag: image-classification"] if accuracies else []),
        "tags:",
        *(f"- {tag}" for tag in tags),
    ]
    if accuracies:
        lines += ["metrics:", "- accuracy", *_model_index(accuracies, title)]
    return "\n".join([*lines, "---"])


def _model_index(accuracies: Sequence[Accuracy], title: str) -> Iterator[str]:
    yield "model-index:"
    yield f"- name: {quote(title)}"
    yield "  results:"
    for part in accuracies:
        if part.top1.value is None:
            continue
        data = part.data or "unknown"
        label = " ".join(word for word in ("top-1", Path(part.model).name, part.mode) if word)
        yield "  - task:"
        yield "      type: image-classification"
        yield "    dataset:"
        yield f"      name: {quote(data)}"
        yield f"      type: {quote(data)}"
        yield "    metrics:"
        yield "    - type: accuracy"
        yield f"      value: {part.top1.value:.6f}"
        yield f"      name: {quote(label)}"


def _details(documents: Sequence[Document]) -> Iterator[str]:
    yield "## Model Details"
    makings = _parts(documents, Making)
    if not makings:
        yield _OPEN
    for part in makings:
        height, width, channels = part.shape
        facts = [
            ("File", part.model),
            ("Network", part.network),
            ("Mode", part.mode),
            ("Input", f"{height} x {width} x {channels}, uint8 pixels" if height and width else ""),
            ("Classes", _class_list(part.classes)),
        ]
        yield _list(facts)


def _risks(documents: Sequence[Document]) -> Iterator[str]:
    doubts = [
        f"{part.model}: {text}" for part in _parts(documents, Making) for text in (*part.doubts, *part.data_notes)
    ]
    if doubts:
        yield "\n".join(f"- {escape(text)}" for text in doubts)
    yield _OPEN


def _start(documents: Sequence[Document]) -> Iterator[str]:
    models = list(dict.fromkeys(part.model for part in _parts(documents, Making)))
    # In a block of code nothing can be escaped: a name with other letters is not written there.
    name = Path(models[0]).name if models else ""
    file = name if re.fullmatch(r"[\w.-]+\.tflite", name, re.ASCII) else "model.tflite"
    code = [
        "```python",
        "from PIL import Image",
        "",
        "from edgeready_device import Model",
        "",
        f'model = Model.load("{file}")',
        'print(model.classify(Image.open("photo.jpg"), top=3))',
        "```",
    ]
    yield "\n".join(code)


def _training(documents: Sequence[Document]) -> Iterator[str]:
    makings = _parts(documents, Making)
    if not makings:
        yield _OPEN
    epochs = {part.model: _epochs_text(part) for part in _parts(documents, Training)}
    for part in makings:
        train, calibration, test = part.images
        facts = [
            ("Data", part.data),
            ("Images", f"{train:,} for the training, {calibration:,} for the calibration, {test:,} for the test"),
            ("Epochs", epochs.get(part.model, "")),
            ("Integers made by", part.engine),
        ]
        yield _list(facts)
    for search in _parts(documents, SearchTable):
        yield from _search(search)


def _search(part: SearchTable) -> Iterator[str]:
    outcome = "chose the network" if part.best else "found no network"
    limits = ", ".join(part.limits) or "no limit"
    yield f"A search among {len(part.networks):,} networks on {escape(part.data)} {outcome} ({escape(limits)}):"
    head = ("Network", "File", "Multiply-accumulates", "Validation", "Test in uint8", "What became of it")
    yield _table(head, [_network_row(network) for network in part.networks[:_MOST_NETWORKS]])


def _network_row(network: Searched) -> tuple[str, ...]:
    validation = network.trial if network.validation is None else network.validation
    return (
        network.name,
        "" if network.size_bytes is None else f"{network.size_bytes:,} B",
        "" if network.macs is None else f"{network.macs:,}",
        _percent_of(validation),
        _percent_of(network.uint8),
        "chosen" if network.is_best else network.fate,
    )


def _epochs_text(part: Training) -> str:
    best = f", the weights of epoch {part.best_epoch} were kept" if part.best_epoch else ""
    return f"{len(part.epochs)}{best}"


def _evaluation(documents: Sequence[Document]) -> Iterator[str]:
    accuracies = _parts(documents, Accuracy)
    if not accuracies:
        yield _OPEN
        return
    rows = [
        (
            part.model,
            part.mode,
            part.data,
            _percent(part.top1),
            _interval(part.top1),
            "" if part.top1.count is None else f"{part.top1.count:,}",
            _percent(part.agreement),
        )
        for part in accuracies
    ]
    head = ("Model", "Mode", "Data", "Top-1", "95 % interval", "Images", "Answers as float32")
    yield _table(head, rows)
    last = accuracies[-1]
    worst = sorted(
        (item for item in last.classes if item.share.count and item.share.value is not None),
        key=lambda item: item.share.value or 0.0,
    )
    if worst:
        yield f"The classes of {escape(last.model)}, the worst first:"
        yield _table(
            ("Class", "Top-1", "Images"),
            [(item.label, _percent(item.share), f"{item.share.count:,}") for item in worst[:_MOST_CLASSES]],
        )


def _specifications(documents: Sequence[Document]) -> Iterator[str]:
    sizes = [
        (part.model, part.mode, f"{part.flatbuffer_bytes:,} B")
        for part in _parts(documents, Size)
        if part.flatbuffer_bytes
    ]
    if sizes:
        yield _table(("Model", "Mode", "Size of the model alone"), sizes)
    readiness = list(dict.fromkeys(part for part in _parts(documents, Readiness) if not part.mode))
    for part in readiness:
        share = "" if part.mapped is None or part.total is None else f", {part.mapped} of {part.total} ops mapped"
        by = "by its compiler" if part.log else "predicted"
        yield f"Edge TPU, {escape(part.model)}: {escape(part.verdict)} ({by}){share}"
        if part.causes:
            yield "\n".join(_cause(cause) for cause in part.causes)
    speeds = [
        (
            part.machine,
            part.model,
            part.runtime,
            "" if part.median_s is None else duration(part.median_s),
            part.failure or part.verdict,
        )
        for part in _parts(documents, Speed)
    ]
    if speeds:
        yield _table(("Machine", "Model", "Runtime", "Median", "Verdict"), speeds)
    for errors in _parts(documents, LayerErrors):
        layers = [layer for layer in errors.layers if layer.remedy and layer.cause not in ("", "inherited")]
        if layers:
            yield "Where quantization hurts:"
            yield "\n".join(f"- {escape(layer.layer)}: {escape(layer.remedy)}" for layer in layers[:_MOST_LAYERS])


def _cause(cause: Cause) -> str:
    return f"- {escape(cause.rule)}: {escape(cause.detail)}; {escape(cause.remedy)}"


def _class_list(classes: Sequence[str]) -> str:
    if not classes:
        return ""
    more = f", and {len(classes) - _MOST_CLASSES:,} more" if len(classes) > _MOST_CLASSES else ""
    return f"{len(classes):,}: {', '.join(classes[:_MOST_CLASSES])}{more}"


def _list(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- **{label}:** {escape(value)}" for label, value in facts if value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([escape(cell) if cell else "" for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(share: Share | None) -> str:
    return "" if share is None else _percent_of(share.value)


def _percent_of(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"


def _interval(share: Share) -> str:
    return "" if share.low is None or share.high is None else f"{100 * share.low:.2f} to {100 * share.high:.2f} %"
