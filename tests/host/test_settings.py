"""Options from a file: edgeready.toml with --config, and those of a model that was made before with --like."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pytest
import typer
from tflite_models import conv_classifier
from typer.testing import CliRunner

from edgeready.cli.arguments import DataArgument, DataOption, SourceArgument
from edgeready.cli.settings import ConfigFile, LikeFile
from edgeready.cli.spread import spread
from edgeready.config.build import (
    BuildConfig,
    DataConfig,
    NetworkConfig,
    OutputConfig,
    QuantizeConfig,
    SourceConfig,
    TrainConfig,
)
from edgeready.config.settings import TABLES
from edgeready.errors import EdgereadyError
from edgeready.model_file.writer import package
from edgeready.workflows.options import BUILD, CONVERT, MakingOptions, options_of
from edgeready_device.model_file.manifest import InputSpec, Manifest

SETTINGS = """
[build]
data = "photos"
model = "small-resnet"
image-size = [96, 128]
channels = 3
mean = 127.5
std = [1, 2.5, 3]
fix = false
epochs = 7
learning-rate = 1
save-float = true
max-drop = 0.5
out = "a/b.tflite"
"""
MEANT = BuildConfig(
    data=DataConfig(source="photos", image_size=(96, 128), channels=3),
    model="small-resnet",
    network=NetworkConfig(mean=(127.5,), std=(1.0, 2.5, 3.0), fix=False),
    train=TrainConfig(epochs=7, learning_rate=1.0),
    output=OutputConfig(out=Path("a/b.tflite"), save_float=True),
    quantize=QuantizeConfig(max_drop=0.5),
)


def config_of(*words: str) -> BuildConfig:
    """What `build` and `convert` would be called with, by their own options."""
    seen = []

    def build(
        data: DataConfig,
        network: NetworkConfig,
        train: TrainConfig,
        output: OutputConfig,
        quantize: QuantizeConfig,
        model: Annotated[str, typer.Option(help="network")] = "tutorial-cnn",
        config_file: ConfigFile = None,
        like: LikeFile = None,
    ) -> None:
        seen.append(
            BuildConfig(data=data, model=model, network=network, train=train, output=output, quantize=quantize)
        )

    def convert(
        model: SourceArgument,
        data: DataConfig,
        network: NetworkConfig,
        output: OutputConfig,
        quantize: QuantizeConfig,
        source: SourceConfig,
        config_file: ConfigFile = None,
        like: LikeFile = None,
    ) -> None:
        seen.append(
            BuildConfig(data=data, model=model, network=network, output=output, quantize=quantize, source=source)
        )

    app = typer.Typer()
    app.command()(spread(build, arguments={"source": DataArgument}))
    app.command()(spread(convert, arguments={"source": DataOption}, without=("weights", "save_keras", "log_csv")))
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str = SETTINGS, name: str = "edgeready.toml") -> str:
        (tmp_path / name).write_text(text, "utf-8")
        return name

    return write


@pytest.fixture
def made_with(tmp_path, monkeypatch):
    """Writes a model file whose provenance holds options."""
    monkeypatch.chdir(tmp_path)

    def write(provenance: dict, name: str = "old.tflite") -> str:
        manifest = Manifest("net", InputSpec(8, 8, 1), "logits", provenance=provenance)
        (tmp_path / name).write_bytes(package(conv_classifier(), manifest, ("a", "b", "c"), "1"))
        return name

    return write


def said(*words: str) -> tuple[int, str]:
    with pytest.raises(EdgereadyError) as caught:
        config_of(*words)
    return caught.value.exit_code, str(caught.value)


# --config


def test_every_key_of_the_table_reaches_its_field(settings):
    assert config_of("build", "--config", settings()) == MEANT


def test_a_pyproject_holds_the_tables_under_tool_edgeready(settings):
    text = '[project]\nname = "x"\n' + SETTINGS.replace("[build]", "[tool.edgeready.build]")
    assert config_of("build", "--config", settings(text, "pyproject.toml")) == MEANT


def test_the_command_line_goes_before_the_file_wherever_it_stands(settings):
    words = ["build", "digits", "--epochs", "2", "--config", settings(), "--fix"]
    config = config_of(*words)
    assert (config.data.source, config.train.epochs, config.network.fix) == ("digits", 2, True)
    assert config.quantize == MEANT.quantize


def test_a_list_and_the_arguments_of_convert_are_keys_too(settings):
    text = '[convert]\nsource="m.pb"\ndata="d.npz"\ninput=["a","b"]\ninput-shape=["1x8x8x3"]\noutput="z"\n'
    config = config_of("convert", "--config", settings(text))
    assert (config.model, config.data.source) == ("m.pb", "d.npz")
    assert config.source == SourceConfig(inputs=("a", "b"), outputs=("z",), shapes=((1, 8, 8, 3),))


def test_a_byte_order_mark_and_other_commands_tables_do_no_harm(settings):
    text = "\ufeff" + SETTINGS + "[gate]\nmax-size-kb = 5\n"
    assert config_of("build", "--config", settings(text)) == MEANT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[build]\nepoch = 3\n", "edgeready.toml: [build] has the unknown key 'epoch': did you mean epochs?"),
        ("[build]\nmax_drop = 1\n", "edgeready.toml: [build] has the unknown key 'max_drop': did you mean max-drop?"),
        ("[build]\nseed = 1\nconfig = 'a'\n", "edgeready.toml: [build] has the unknown key 'config': "),
        ("[biuld]\n", "edgeready.toml has the unknown entry 'biuld': did you mean build?"),
        ("epochs = 3\n", f"edgeready.toml has the unknown entry 'epochs': use {', '.join(sorted(TABLES))}"),
        ("build = 3\n", "edgeready.toml: build is no table: write its options under [build]"),
        ("[gate]\n", "edgeready.toml has no [build]: add it, or leave --config out"),
        ("[build]\nepochs = '3'\n", "edgeready.toml: [build] epochs is '3': write a whole number"),
        ("[build]\nepochs = 3.0\n", "edgeready.toml: [build] epochs is 3.0: write a whole number"),
        ("[build]\nepochs = true\n", "edgeready.toml: [build] epochs is true: write a whole number"),
        ("[build]\nmax-drop = false\n", "edgeready.toml: [build] max-drop is false: write a number"),
        ("[build]\nfix = 1\n", "edgeready.toml: [build] fix is 1: write true or false"),
        ("[build]\nmean = [1, true]\n", "edgeready.toml: [build] mean is [1, True]: write text in quotes"),
        ("[build]\ndata = ''\n", "edgeready.toml: [build] data is '': write text in quotes"),
        ("[build]\nmode = {a = 1}\n", "edgeready.toml: [build] mode is {'a': 1}: write text in quotes"),
        ("[build]\ndata = 'd'\nepochs = 0\n", "epochs is 0: train for at least 1"),
        (
            "[build]\ndata = 'd'\nmax-drop = nan\n",
            "--max-drop is nan: give points of accuracy from 0 to 100, such as",
        ),
        ("[build]\ndata = 'd'\nimage-size = 'big'\n", "the image size is 'big': write 96 or 96x128 (height x width)"),
    ],
)
def test_what_cannot_be_meant_is_named_with_exit_code_2(settings, text, message):
    code, text = said("build", "--config", settings(text))
    assert (code, text[: len(message)]) == (2, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project]\nname = 'x'\n", "pyproject.toml has no [tool.edgeready]: add [tool.edgeready.build], or name "),
        ("[tool]\nedgeready = 3\n", "pyproject.toml: tool.edgeready is no table: write [tool.edgeready.build]"),
        ("[tool.edgeready.gate]\n", "pyproject.toml has no [tool.edgeready.build]: add it, or leave --config out"),
    ],
)
def test_a_pyproject_without_the_table_is_named(settings, text, message):
    code, text = said("build", "--config", settings(text, "pyproject.toml"))
    assert (code, text[: len(message)]) == (2, message)


@pytest.mark.parametrize("content", [b"[build\n", b"\xff\xfe[build]", b"a = " + b"[" * 100_000, b"\x00"])
def test_a_file_that_is_no_toml_is_exit_code_3(tmp_path, content):
    path = tmp_path / "edgeready.toml"
    path.write_bytes(content)
    code, text = said("build", "--config", str(path))
    assert (code, text.partition(" (")[0]) == (3, f"{path}: it is no TOML")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert said("build", "--config", str(tmp_path)) == (
        3,
        f"{tmp_path}: cannot be read (Is a directory): name an edgeready.toml",
    )
    missing = tmp_path / "no.toml"
    assert said("build", "--config", str(missing)) == (
        4,
        f"{missing}: no such file; name an edgeready.toml or a pyproject.toml",
    )
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * ((1 << 20) + 1))
    assert said("build", "--config", str(large))[0] == 3


def test_the_real_command_takes_them_and_data_may_still_be_missing(run_here, settings):
    settings('[build]\ndata = "nosuch"\n')
    code, out, err = run_here("build", "--config", "edgeready.toml")
    assert (code, out, err.partition(":")[2][:27]) == (4, "", " no data set or path 'nosuc")
    settings("[build]\nepochs = 2\n")
    code, _, err = run_here("build", "--config", "edgeready.toml")
    assert (code, err) == (2, "edgeready: Missing argument 'DATA'; see edgeready build --help\n")


# --like


@pytest.mark.parametrize(
    ("command", "config"),
    [
        (BUILD, replace(MEANT, data=DataConfig(source="mnist", seed=5), output=OutputConfig(mode="int8", vectors=3))),
        (BUILD, BuildConfig(data=DataConfig(source="digits"), model="tutorial-cnn")),
        (
            BUILD,
            BuildConfig(
                data=DataConfig(source="digits"),
                model="mobilenet-v2",
                network=NetworkConfig(weights="imagenet", preset="keras-mobilenet"),
                quantize=QuantizeConfig(qat=2),
            ),
        ),
    ],
)
def test_the_options_that_a_file_keeps_are_those_it_was_made_with(made_with, command, config):
    options = options_of(config, command)
    assert options.paths == ()
    assert config_of(command, "--like", made_with({"options": options.to_dict()})) == config


def test_the_options_of_a_conversion_are_kept_but_for_its_paths(made_with):
    config = BuildConfig(
        data=DataConfig(source="digits", image_size=(8, 8)),
        model="/home/somebody/m.pb",
        source=SourceConfig(inputs=("a",), outputs=("z", "y"), shapes=((1, 8, 8, 1), (2,))),
    )
    options = options_of(config, CONVERT)
    assert options.paths == ("source",)
    assert "somebody" not in str(options.to_dict())
    old = made_with({"options": options.to_dict()})
    assert config_of("convert", "here.pb", "--like", old) == replace(config, model="here.pb")
    assert said("convert", "--like", old) == (
        2,
        "old.tflite was made with a path for SOURCE, and a file keeps no paths: give SOURCE, too",
    )


def test_a_path_is_asked_for_and_never_left_out_in_silence(made_with):
    config = BuildConfig(
        data=DataConfig(source="photos", calibration_data="more"),
        model="net.py:make",
        network=NetworkConfig(weights="w.keras"),
    )
    options = options_of(config, BUILD)
    assert options.paths == ("calibration-data", "data", "model", "weights")
    old = made_with({"options": options.to_dict()})
    given = {"DATA": ["photos"], "--calibration-data": ["more"], "--model": ["net.py:make"], "--weights": ["w.keras"]}
    for name in given:
        others = [
            word for flag, value in given.items() if flag != name for word in ([flag] * (flag != "DATA") + value)
        ]
        assert said("build", *others, "--like", old) == (
            2,
            f"old.tflite was made with a path for {name}, and a file keeps no paths: give {name}, too",
        )
    every = [word for flag, value in given.items() for word in ([flag] * (flag != "DATA") + value)]
    assert config_of("build", *every, "--like", old) == config


def test_what_is_given_beside_it_goes_before_the_file(made_with):
    old = made_with({"options": options_of(replace(MEANT, data=DataConfig(source="digits")), BUILD).to_dict()})
    config = config_of("build", "--like", old, "--epochs", "9", "--out", "new.tflite")
    assert (config.train.epochs, config.output) == (9, OutputConfig(out=Path("new.tflite")))


@pytest.mark.parametrize(
    ("provenance", "code", "message"),
    [
        ({}, 3, "old.tflite: it keeps no options: only files of edgeready build and convert do; give the options"),
        ({"options": 3}, 3, "old.tflite: the options that it keeps are damaged: give the options themselves"),
        ({"options": {"command": "rm", "values": {}, "paths": []}}, 3, "old.tflite: the options that it keeps are d"),
        ({"options": {"command": "build", "values": [], "paths": []}}, 3, "old.tflite: the options that it keeps ar"),
        ({"options": {"command": "build", "values": {}, "paths": [3]}}, 3, "old.tflite: the options that it keeps a"),
        (
            {"options": MakingOptions(command=CONVERT).to_dict()},
            2,
            "old.tflite was made by edgeready convert: repeat it with edgeready convert --like",
        ),
        (
            {"options": MakingOptions(command=BUILD, values={"warp": 9}).to_dict()},
            2,
            "old.tflite: the options of its making, has the unknown key 'warp': use ",
        ),
        (
            {"options": MakingOptions(command=BUILD, values={"epochs": "x"}).to_dict()},
            2,
            "old.tflite: the options of its making, epochs is 'x': write a whole number",
        ),
    ],
)
def test_a_file_whose_options_cannot_be_repeated_is_named(made_with, provenance, code, message):
    exit_code, text = said("build", "digits", "--like", made_with(provenance))
    assert (exit_code, text[: len(message)]) == (code, message)


@pytest.mark.parametrize(
    ("key", "value", "flag"),
    [
        ("data", "/etc", "DATA"),
        ("data", ["digits"], "DATA"),
        ("model", "evil.py:run", "--model"),
        ("model", 3, "--model"),
        ("weights", "/root/w.keras", "--weights"),
        ("calibration-data", "/etc/passwd", "--calibration-data"),
    ],
)
def test_a_foreign_file_names_no_code_and_nothing_to_read(made_with, key, value, flag):
    values = {"data": "digits", "model": "tutorial-cnn", key: value}
    old = made_with({"options": {"command": "build", "values": values, "paths": []}})
    assert said("build", "--like", old) == (
        2,
        f"old.tflite was made with a path for {flag}, and a file keeps no paths: give {flag}, too",
    )


def test_a_foreign_file_names_no_place_to_write_to(made_with):
    places = {
        "out": "/tmp/x.tflite",
        "save-float": True,
        "save-keras": True,
        "log-csv": "/tmp/x.csv",
        "debug-report": "/tmp/x",
    }
    old = made_with({"options": {"command": "build", "values": {"data": "digits", **places}, "paths": []}})
    assert config_of("build", "--like", old).output == OutputConfig()


def test_a_file_that_is_no_model_or_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare.tflite").write_bytes(conv_classifier())
    assert said("build", "--like", "bare.tflite")[0] == 3
    assert said("build", "--like", "no.tflite")[0] == 4
    assert said("build", "--like", os.devnull)[0] == 3


@pytest.mark.parametrize("order", [("--config", "--like"), ("--like", "--config")])
def test_one_source_of_options_at_a_time(settings, made_with, order):
    files = {"--config": settings(), "--like": made_with({"options": MakingOptions(command=BUILD).to_dict()})}
    code, text = said("build", "digits", *(word for flag in order for word in (flag, files[flag])))
    assert (code, text) == (
        2,
        f"{order[0]} and {order[1]} exclude each other: give one, and the other options beside it",
    )
