"""What the commands wrote is read again: its parts, what is no figure, and what no command wrote."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import report_documents as documents
from tflite_models import conv_classifier

from edgeready.documents import (
    Accuracy,
    AttemptTable,
    Disagreements,
    LayerErrors,
    Making,
    Readiness,
    Speed,
    Training,
    read_documents,
)
from edgeready.errors import DocumentError, NotFoundError
from edgeready.report.card import format_card
from edgeready.report.page import format_page


def parts_of(tmp_path: Path, document: Any) -> list[Any]:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    [found] = read_documents([path])
    return list(found.parts)


def one_of(kind: type, parts: list[Any]) -> Any:
    return next(part for part in parts if isinstance(part, kind))


def kinds(parts: list[Any]) -> list[str]:
    return [type(part).__name__ for part in parts]


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("build", "Making Training Size Accuracy Speed Size Accuracy Speed Disagreements Readiness"),
        ("check", "Readiness"),
        ("evaluate", "Accuracy"),
        ("layers", "LayerErrors"),
        ("benchmark", "Speed"),
        ("profile", "Profile"),
        ("compare", "SpeedComparison"),
        ("deploy", "Speed Speed Speed"),
        ("gate", "BudgetTable"),
        ("verify", "Verification"),
        ("compile", "Readiness"),
        ("convert", "Size Size FidelityTable Readiness"),
        ("modes", "Size Accuracy Speed Size Accuracy Speed Size Accuracy Speed Disagreements"),
    ],
)
def test_the_document_of_each_command_is_known_by_its_fields(tmp_path, command, names):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(documents.every_document()[command]))
    [found] = read_documents([path])
    name = "build or convert" if command == "build" else command
    assert (found.file, found.command) == (str(path), name)
    assert kinds(list(found.parts)) == names.split()


def test_a_build_has_every_figure(tmp_path):
    parts = parts_of(tmp_path, documents.build_document())
    making = one_of(Making, parts)
    assert (making.model, making.network, making.mode, making.data) == (
        "out/pets.tflite",
        "pets-cnn",
        "uint8",
        "pets",
    )
    assert (making.shape, making.images) == ((8, 8, 1), (30, 9, 6))
    assert [epoch.loss for epoch in one_of(Training, parts).epochs] == [0.5, 0.25]
    float32, uint8 = (part for part in parts if isinstance(part, Accuracy))
    assert (float32.mode, uint8.mode, uint8.data, float32.agreement) == ("float32", "uint8", "pets", None)
    assert (uint8.top1.hits, uint8.top1.count, uint8.agreement.hits) == (5, 6, 5)
    assert uint8.top1.value == pytest.approx(5 / 6)
    assert uint8.confusion.tolist() == [[2, 0, 0], [0, 2, 0], [0, 1, 1]]
    assert [item.label for item in uint8.classes] == ["cat", "dog", "emu [bold]"]
    differing = one_of(Disagreements, parts)
    assert (differing.count, differing.baseline_right, differing.examples[0].model) == (1, 1, "dog")
    assert differing.examples[0].picture.startswith("data:image/png;base64,")
    assert (one_of(Readiness, parts).verdict, one_of(Readiness, parts).mapped) == ("ready", 7)


def test_the_epochs_of_a_training_go_before_the_plain_losses(tmp_path):
    epochs = [
        {"epoch": 1, "loss": 2.0, "accuracy": 0.5, "val_loss": 2.5, "val_accuracy": 0.25, "seconds": 1.0},
        {"epoch": 2, "loss": 1.0, "accuracy": None},
    ]
    parts = parts_of(tmp_path, documents.build_document(training={"epochs": epochs}))
    assert (one_of(Training, parts).best_epoch, one_of(Training, parts).stopped_early) == (None, False)
    first, second = one_of(Training, parts).epochs
    assert (first.loss, first.accuracy, first.val_loss, first.val_accuracy) == (2.0, 0.5, 2.5, 0.25)
    assert (second.loss, second.accuracy, second.val_loss) == (1.0, None, None)


def test_the_losses_of_a_document_without_epochs_are_a_training(tmp_path):
    parts = parts_of(tmp_path, documents.build_document(training=None, epoch_losses=[2.0, 1.5]))
    assert [(epoch.loss, epoch.accuracy) for epoch in one_of(Training, parts).epochs] == [(2.0, None), (1.5, None)]


def test_a_converted_model_has_no_training(tmp_path):
    assert "Training" not in kinds(parts_of(tmp_path, documents.build_document(epoch_losses=[], training=None)))


def test_a_build_that_no_runtime_runs_has_what_there_is(tmp_path):
    document = documents.build_document(uint8=None)
    for name in ("float32", "agreement", "disagreements"):
        del document[name]
    assert kinds(parts_of(tmp_path, document)) == ["Making", "Training", "Readiness"]


def test_the_reasons_of_a_readiness_are_kept(tmp_path):
    found = one_of(Readiness, parts_of(tmp_path, documents.check_document()))
    assert (found.model, found.verdict, found.mapped, found.total) == ("leaky.tflite", "not ready", 5, 7)
    assert [op.index for op in found.ops if op.target == "cpu"] == [5, 6]
    assert (found.causes[0].rule, found.causes[0].uncertain) == ("unsupported-op", False)
    assert found.causes[0].remedy.startswith("use keras.layers.ReLU()")


def test_no_noise_no_signal_and_no_run_of_its_own_are_told_apart(tmp_path):
    found = one_of(LayerErrors, parts_of(tmp_path, documents.layers_document()))
    assert {layer.layer: layer.own_db for layer in found.layers} == {
        "conv": 12.34,
        "relu": math.inf,
        "silent": -math.inf,
        "pool": None,
    }


def test_a_rollback_has_no_board_that_failed(tmp_path):
    boards = [{"host": "pi4", "deployed": True, "failure": None, "version": "1"}]
    with pytest.raises(DocumentError, match="there is nothing in it to report"):
        parts_of(tmp_path, {"boards": boards})
    [lost] = parts_of(tmp_path, {"boards": [*boards, {"host": "pi5", "failure": None, "benchmark": None}]})
    assert (lost.machine, lost.failure) == ("pi5", "it measured nothing")


def test_the_boards_of_a_deployment_have_their_verdicts(tmp_path):
    boards = parts_of(tmp_path, documents.deploy_document())
    assert [(board.machine, board.verdict, board.failure) for board in boards] == [
        ("pi4", "NOT STEADY", ""),
        ("qemu", "EMULATED", ""),
        ("pi5", "FAILED", "its disk is full"),
    ]
    assert (boards[0].median_s, boards[0].doubts[0].kind, boards[0].system) == (
        0.0123,
        "throttled",
        "Debian 12, aarch64",
    )


def test_a_profile_of_its_own_of_a_benchmark_and_of_a_board_is_read_alike(tmp_path):
    profile = documents.profile_document()
    [own] = parts_of(tmp_path, profile)
    assert [(row.ops, row.operator, row.seconds, row.kernel) for row in own.rows] == [
        ((2, 3, 4), "ADD", 3e-5, "built-in"),
        ((1,), "CONV_2D", 1e-5, "XNNPACK"),
    ]
    assert (own.model, own.machine, own.run_s, own.sum_s) == ("m.tflite", "A Processor", 5e-5, 4e-5)
    measured = {**documents.benchmark_document(), "profile": profile}
    assert parts_of(tmp_path, measured)[1] == own
    deployment = documents.deploy_document()
    deployment["boards"][0]["profile"] = profile
    deployment["boards"][1] |= {"profile": None, "profile_failure": "profile needs ai-edge-litert 2.3"}
    _, on_board, other, _ = parts_of(tmp_path, deployment)
    assert on_board == dataclasses.replace(own, machine="pi4")
    assert [(doubt.kind, doubt.detail) for doubt in other.doubts] == [
        ("no profile", "profile needs ai-edge-litert 2.3")
    ]
    with pytest.raises(DocumentError, match="its schema is 'edgeready-profile 2', not 'edgeready-profile 1'"):
        parts_of(tmp_path, {**profile, "schema": "edgeready-profile 2"})


def test_the_attempts_of_a_budget_are_read_where_it_was_kept_and_where_not(tmp_path):
    trail = documents.trail_document()
    kept = one_of(AttemptTable, parts_of(tmp_path, documents.build_document(budget=trail)))
    assert (kept.model, kept.max_drop, kept.verdict) == ("out/pets.tflite", 0.005, "unclear")
    assert (kept.judged_on, kept.skipped) == ("10,000 images held out", ("training: no Keras model",))
    first, second = kept.attempts
    assert (first.name, first.top1.value, first.drop, first.test_drop) == ("better", 0.991, 0.009, None)
    assert (first.drop_low, first.drop_high) == pytest.approx((0.00733, 0.01105), abs=1e-5)
    assert (first.accepted, second.accepted, second.test_drop, second.size_bytes) == (False, True, 0.005, 1100)
    broken = {"out": None, "budget": {**trail, "choice": None, "verdict": "broken"}}
    [lost] = parts_of(tmp_path, broken)
    assert (lost.model, lost.verdict) == ("", "broken")
    assert [attempt.accepted for attempt in lost.attempts] == [False, False]


def test_what_is_no_number_is_no_figure(tmp_path):
    document = documents.build_document(
        training=None, epoch_losses=[float("nan"), float("inf"), 10**400, -1e308, 1.0]
    )
    document["uint8"]["accuracy"]["top1"]["value"] = float("nan")
    document["uint8"]["accuracy"]["top1"]["interval95"] = [float("-inf"), None]
    document["uint8"]["latency"]["median_s"] = float("inf")
    parts = parts_of(tmp_path, document)
    assert [epoch.loss for epoch in one_of(Training, parts).epochs] == [None, None, None, None, 1.0]
    _, uint8 = (part for part in parts if isinstance(part, Accuracy))
    assert (uint8.top1.value, uint8.top1.low, uint8.top1.high) == (None, None, None)
    assert [part.median_s for part in parts if isinstance(part, Speed)] == [0.0005, None]


def test_two_classes_of_one_name_leave_the_counts_as_they_are(tmp_path):
    document = documents.evaluate_document()
    document["per_class"] = {"cat": document["per_class"]["cat"]}
    found = one_of(Accuracy, parts_of(tmp_path, document))
    assert (len(found.classes), found.confusion.shape) == (1, (3, 3))


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org/a.png",
        "data:image/svg+xml;base64,AAAA",
        "data:text/html;base64,AAAA",
        'data:image/png;base64,AAAA" onerror="x',
        "data:image/png;base64,AA AA",
        "data:image/png;base64,\n",
        "data:image/png;base64," + "A" * (64 << 10),
        "",
        7,
        None,
    ],
)
def test_a_picture_that_is_none_of_ours_is_left_out(tmp_path, uri):
    document = documents.build_document()
    document["disagreements"]["examples"][0]["picture"] = uri
    assert one_of(Disagreements, parts_of(tmp_path, document)).examples[0].picture == ""


def changed(place: str, value: Any, document: Any = None) -> Any:
    """A document with `value` at `place`, names and numbers with dots between them."""
    found = inside = copy.deepcopy(documents.build_document(training=None) if document is None else document)
    *way, last = [int(name) if name.isdigit() else name for name in place.split(".")]
    for name in way:
        inside = inside[name]
    inside[last] = value
    return found


@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        ("uint8.accuracy.top1.value", "high", "uint8.accuracy.top1.value is 'high', no number"),
        ("uint8.accuracy.top1.value", True, "uint8.accuracy.top1.value is 'True', no number"),
        ("uint8.accuracy.top1.hits", 1.5, "uint8.accuracy.top1.hits is '1.5', no whole number from 0"),
        ("uint8.accuracy.top1.hits", -1, "uint8.accuracy.top1.hits is '-1', no whole number from 0"),
        ("uint8.accuracy.top1.hits", 10**30, "no whole number from 0"),
        ("uint8.accuracy.top1.interval95", [1], "uint8.accuracy.top1.interval95 is '[1]', no list of two numbers"),
        ("uint8.accuracy.top1.interval95", ["a", 1], "uint8.accuracy.top1.interval95.low is 'a', no number"),
        ("uint8.accuracy.confusion", [[1, 2]], "uint8.accuracy.confusion is 'list', no square table of counts"),
        ("uint8.accuracy.confusion.0.0", -3, "uint8.accuracy.confusion is '-3', no square table of counts"),
        ("uint8.accuracy.confusion.0.0", True, "uint8.accuracy.confusion is 'True', no square table of counts"),
        ("uint8.accuracy.per_class", [], "uint8.accuracy.per_class is '[]', no object"),
        ("uint8", "fast", "uint8 is 'fast', no object"),
        ("mode", 8, "mode is '8', no text"),
        ("doubts", "many", "doubts is 'many', no list"),
        ("doubts", [1], "doubts is '1', no list of texts"),
        ("epoch_losses", 3, "epoch_losses is '3', no list of numbers"),
        ("epoch_losses", ["x"], "epoch_losses.0 is 'x', no number"),
        ("readiness.ops.0", 1, "readiness.ops is '1', no list of objects"),
        ("readiness.ops.0.uncertain", "no", "readiness.ops[0].uncertain is 'no', no true or false"),
        ("disagreements.examples.0.truth", ["a"], "disagreements.examples[0].truth is \"['a']\", no text"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_value_and_the_file(tmp_path, place, value, text):
    with pytest.raises(DocumentError) as caught:
        parts_of(tmp_path, changed(place, value))
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ")
    assert text in str(caught.value)
    assert str(caught.value).endswith(": write the file again with the command that made it")


def test_a_hostile_value_makes_one_short_line(tmp_path):
    with pytest.raises(DocumentError) as caught:
        parts_of(tmp_path, changed("uint8.accuracy.top1.value", "\x1b[2J\n::error::" * 5000))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(tmp_path)) + 200


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "it is no JSON"),
        (b"no JSON", "it is no JSON"),
        (b'{"a": ', "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"{}", "it is no document that a report is made of"),
        (b"[]", "it is no document that a report is made of"),
        (b"3", "it is no document that a report is made of"),
        (b"[1, 2]", "it is no document that a report is made of"),
        (b'{"modes": [], "targets": {}}', "it is no document that a report is made of"),
        (b'{"network": "n", "modes": []}', "there is nothing in it to report"),
        (b'{"boards": []}', "there is nothing in it to report"),
        (b'{"candidates": [], "choice": null}', "it is no document that a report is made of"),
        (b'{"out": null, "budget": {}}', "there is nothing in it to report"),
        (b'{"schema": "other 9", "latencies_s": [], "median_s": 1}', "its schema is 'other 9', not"),
        (conv_classifier(), "it is a model: give what `edgeready check"),
    ],
)
def test_a_file_that_no_command_wrote_is_refused_with_what_to_give(tmp_path, content, text):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DocumentError) as caught:
        read_documents([path])
    assert str(caught.value).startswith(f"{path}: ")
    assert text in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_check_that_could_not_read_a_model_names_it(tmp_path):
    document = [*documents.check_document(), {"file": "bad.tflite", "ready": False, "ops": [], "error": "no model"}]
    with pytest.raises(DocumentError, match=r"check could not read bad\.tflite: leave that file out$"):
        parts_of(tmp_path, document)


def test_a_folder_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DocumentError, match="cannot be read"):
        read_documents([tmp_path])
    with pytest.raises(NotFoundError, match="no such file; give what a command wrote with --json"):
        read_documents([tmp_path / "none.json"])


def test_a_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = json.dumps(documents.evaluate_document())
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    [found] = read_documents([pipe])
    writer.join()
    assert found.command == "evaluate"


ODD: tuple[Any, ...] = (None, True, -1, 10**20, 1e308, float("nan"), "", "<b>", [], [1], [None], {}, {"a": 1}, [[]])


def places_in(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every field, those of the first items of a list."""
    if way:
        yield way
    if isinstance(value, (dict, list)):
        items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))[:4]
        for key, item in items:
            yield from places_in(item, (*way, key))


@pytest.mark.parametrize("command", documents.every_document())
def test_whatever_is_changed_in_a_document_it_is_shown_or_refused_in_one_line(tmp_path, command):
    chance = random.Random(command)
    path, refusals = tmp_path / "a.json", []
    for _ in range(12):
        document = documents.every_document()[command]
        *way, last = chance.choice(list(places_in(document)))
        inside = document
        for key in way:
            inside = inside[key]
        inside[last] = chance.choice(ODD)
        path.write_text(json.dumps(document))
        try:
            found = read_documents([path])
        except DocumentError as error:
            refusals.append(str(error))
            continue
        assert format_page(found, "t").endswith("</html>\n")
        assert format_card(found, "t").startswith("---\n")
    assert [text for text in refusals if not text.isprintable()] == []
