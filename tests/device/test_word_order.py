from __future__ import annotations

import itertools

import pytest

from edgeready_device import cli
from edgeready_device.commands.word_order import order_words

VERBS = cli.parsers()[1]


def parsed(*words: str) -> dict[str, object]:
    """What the command reads in `words`, without what has its default."""
    parser, verbs = cli.parsers()
    options = vars(parser.parse_args(order_words(words, verbs)))
    verb = options["handler"].__module__.rpartition(".")[2]
    defaults = vars(verbs[verb].parse_args(["--", *["x"] * (2 if verb in ("evaluate", "compare") else 1)]))
    changed = {name: str(value) for name, value in options.items() if value != defaults.get(name)}
    return {"verb": verb, **changed}


@pytest.mark.parametrize(
    ("verb", "groups", "expected"),
    [
        (
            "classify",
            [["m.tflite"], ["a.png", "b.png"], ["--top", "1"], ["--json"]],
            {"model": "m.tflite", "images": "['a.png', 'b.png']", "top": "1", "json": "True"},
        ),
        (
            "evaluate",
            [["m.tflite"], ["data"], ["--workers=2"], ["--labels", "names.txt"]],
            {"model": "m.tflite", "data": "data", "workers": "2", "labels": "names.txt"},
        ),
        ("compare", [["a"], ["b"], ["--time", "3"], ["--trus"]], {"first": "a", "second": "b", "trusted": "True"}),
        ("benchmark", [["m.tflite"], ["--threads", "2"], ["--debug"]], {"model": "m.tflite", "threads": "2"}),
        ("tune", [["m.tflite"], ["--threads", "1,2"], ["--dry-run"]], {"model": "m.tflite", "threads": "(1, 2)"}),
        ("verify", [["m.tflite"], ["--runtime", "x"], ["--json"]], {"model": "m.tflite", "runtime": "x"}),
        ("info", [["m.tflite"], ["--json"]], {"model": "m.tflite", "json": "True"}),
        ("doctor", [["m.tflite"], ["--delegate", "edgetpu"]], {"model": "m.tflite", "delegate": "edgetpu"}),
    ],
)
def test_options_stand_anywhere(verb, groups, expected):
    for order in itertools.permutations(groups):
        flat = [word for group in order for word in group]
        names = [word for word in flat if word in ("m.tflite", "a", "b", "a.png", "data")]
        if names != sorted(names, key=["m.tflite", "a", "b", "a.png", "data"].index):
            continue  # what stands by itself keeps its order
        assert {**parsed(verb, *flat), **expected} == parsed(verb, *flat)
        assert parsed(verb, *flat)["verb"] == verb


def test_images_on_both_sides_of_an_option_are_all_taken():
    assert parsed("classify", "m", "a.png", "--top", "1", "b.png", "-")["images"] == "['a.png', 'b.png', '-']"


def test_options_stand_before_the_verb_too():
    assert parsed("--debug", "--top", "2", "classify", "m", "a.png") == {
        **{"verb": "classify", "model": "m", "images": "['a.png']", "top": "2", "debug": "True"}
    }


@pytest.mark.parametrize(
    ("words", "camera"),
    [
        (["m.tflite", "--camera"], "auto"),
        (["--camera", "m.tflite"], "auto"),  # a model is no camera
        (["m.tflite", "--camera", "1"], "1"),
        (["--camera", "1", "m.tflite"], "1"),
        (["--camera=clip.mp4", "m.tflite"], "clip.mp4"),
        (["--camera", "--json", "m.tflite"], "auto"),
    ],
)
def test_a_camera_takes_its_source_and_never_the_model(words, camera):
    options = parsed("classify", *words)
    assert (options["model"], options["camera"]) == ("m.tflite", camera)


def test_what_follows_two_dashes_is_no_option():
    assert parsed("classify", "m", "--json", "--", "--top", "-x.png")["images"] == "['--top', '-x.png']"


def test_a_negative_number_is_an_options_value():
    assert parsed("classify", "m", "--threshold", "-1", "a.png")["threshold"] == "-1.0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["info", "m", "--wrong"], "unrecognized arguments: --wrong"),
        (["info", "a", "--json", "b"], "unrecognized arguments: b"),
        (["classify", "--top", "1"], "the following arguments are required: model"),
        (["classify", "m", "a.png", "--top"], "argument --top: expected one argument"),
        (["evaluate", "m", "--json"], "the following arguments are required: data"),
        (["clasify", "info"], "argument COMMAND: invalid choice: 'clasify'"),
        (["--debug"], "the following arguments are required: COMMAND"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_exit_code_2(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (2, 1)
    assert message in err


@pytest.mark.parametrize("words", [["--version"], ["--version", "info"], ["--help", "info"], ["-h"]])
def test_version_and_help_of_the_command_stay_its_own(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("edgeready-device " if "--version" in words else "usage: ")


def test_help_of_a_verb_stands_anywhere(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["info", "m", "--help"])
    assert (ended.value.code, capsys.readouterr().out.startswith("usage: edgeready-device info ")) == (0, True)
