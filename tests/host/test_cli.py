"""The command `edgeready`: what it prints where, and the exit code that it ends with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tflite_models import conv_classifier

from edgeready import __version__, readiness
from edgeready.cli import app as cli
from edgeready.model_file.writer import package
from edgeready_device.model_file.manifest import InputSpec, Manifest

COMMANDS = tuple(command.name or command.callback.__name__ for command in cli.app.registered_commands)
READY, NOT_READY = conv_classifier(), conv_classifier(leaky=True)
ROOT = Path(__file__).parents[2]


class Ended:
    """A command that ended: its exit code, and what it wrote."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def line(self) -> str:
        """Standard error, which must be one line of the command."""
        assert self.err.startswith("edgeready: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        return self.err.removeprefix("edgeready: ").removesuffix("\n")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs `edgeready` with arguments in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["edgeready", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return Ended(ended.value.code or 0, written.out, written.err)

    return command


@pytest.fixture
def file(tmp_path):
    def make(data: bytes = READY, name: str = "model.tflite") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


def process(*arguments: str | Path, **kwargs) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "edgeready", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)


# Help and usage


def test_the_version_is_printed(run):
    ended = run("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"edgeready {__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_a_command_or_with_help_every_command_is_listed(run, arguments):
    ended = run(*arguments)
    assert (ended.code, ended.err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^\W*{name} ", ended.out, re.MULTILINE)
    assert "5 conversion refused" in " ".join(ended.out.split())


def test_help_of_every_command_comes_without_numpy_or_tensorflow():
    program = (
        "import sys\nfrom edgeready.cli import app as cli\n"
        f"for name in {COMMANDS!r}:\n"
        "    cli.app([name, '--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'tensorflow', 'keras', 'sklearn', 'ai_edge_litert', 'tflite_runtime', 'PIL'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"
    for option in ("--save-keras", "--allow-cpu-ops", "--max-size-kb", "--min-accuracy", "--preview", "--image-size"):
        assert option in done.stdout


def test_check_evaluate_and_data_come_without_tensorflow(file, tmp_path):
    model, images = file(), tmp_path / "noise.npz"
    noise = np.random.default_rng(1).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(images, x=noise, y=np.arange(60) % 3)
    program = (
        "import sys\nfrom edgeready.cli import app as cli\n"
        f"for arguments in (['check', {str(model)!r}], ['evaluate', {str(model)!r}, '--data', {str(images)!r}], "
        f"['data', {str(images)!r}]):\n"
        "    code = cli.app(arguments, standalone_mode=False)\n"
        "    print('CODE', code or 0)\n"
        "print('HEAVY', sorted({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.startswith(("CODE", "HEAVY"))] == [
        "CODE 0",
        "CODE 0",
        "CODE 0",
        "HEAVY []",
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nosuch",), "No such command 'nosuch'; see edgeready --help"),
        (("check",), "Missing argument 'files'; see edgeready check --help"),
        (("check", "a.tflite", "--nosuch"), "No such option: --nosuch; see edgeready check --help"),
        (("evaluate", "a.tflite"), "Missing option '--data'; see edgeready evaluate --help"),
    ],
)
def test_a_wrong_call_is_one_line_with_the_way_to_the_help_and_exit_code_2(run, arguments, line):
    ended = run(*arguments)
    assert (ended.code, ended.out, ended.line) == (2, "", line)


def test_a_value_of_the_wrong_type_is_one_line_and_names_the_option(run):
    ended = run("build", "digits", "--epochs", "many")
    assert ended.code == 2
    assert ended.line.startswith("Invalid value for '--epochs': ")
    assert ended.line.endswith("; see edgeready build --help")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--epochs", "0"), "epochs is 0: train for at least 1"),
        (("--batch-size", "0"), "the batch size is 0: use at least 1"),
        (("--learning-rate", "-1"), "the learning rate is -1.0: use a number above 0 and below 10, such as 0.001"),
        (("--image-size", "big"), "the image size is 'big': write 96 or 96x128 (height x width)"),
        (("--image-size", "96x96x3"), "the image size is '96x96x3': write 96 or 96x128 (height x width)"),
        (("--image-size", "0"), "the image size is (0, 0): use at least 1 pixel"),
        (("--channels", "2"), "channels is 2: use 1 (grey) or 3 (RGB)"),
        (("--std", "0"), "--std is 0: nothing can be divided by it; use 255 for values from 0 to 1"),
        (("--out", "model.h5"), "model.h5: name the output file something.tflite"),
    ],
)
def test_a_value_that_cannot_be_meant_is_told_before_anything_is_read(run, arguments, line, tmp_path):
    ended = run("build", "nosuch-data", *arguments)
    assert (ended.code, ended.out, ended.line) == (2, "", line)
    assert list(tmp_path.iterdir()) == []


# check


def test_a_ready_file_ends_with_0_and_shows_ops_and_verdict(run, file):
    ended = run("check", file())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[0].endswith("model.tflite: Edge-TPU ready (predicted), 7 of 7 ops mapped")
    assert "\x1b" not in ended.out


def test_a_file_that_is_not_ready_ends_with_1_and_names_the_blocker_and_the_remedy(run, file):
    ended = run("check", file(NOT_READY))
    assert ended.code == 1
    assert "NOT Edge-TPU ready" in ended.out
    assert "1. unsupported-op: " in ended.out
    assert "   remedy: " in ended.out


def test_the_verdict_as_json_is_a_list_with_an_object_a_file_in_order(run, file):
    one, two = file(READY, "one.tflite"), file(NOT_READY, "two.tflite")
    ended = run("check", one, two, "--json")
    assert ended.code == 1
    found = json.loads(ended.out)
    assert [(each["file"], each["ready"]) for each in found] == [(str(one), True), (str(two), False)]
    assert found == [readiness.check_file(path).to_dict() for path in (one, two)]
    for each in found:
        for op in each["ops"]:
            assert list(op) == ["index", "name", "version", "target", "uncertain", "rule", "detail", "remedy"]
            assert op["target"] in ("edgetpu", "cpu")
    blocked = next(op for op in found[1]["ops"] if op["rule"] == "unsupported-op")
    assert (blocked["name"], blocked["target"]) == ("LEAKY_RELU", "cpu")
    assert blocked["detail"]
    assert blocked["remedy"]


@pytest.mark.parametrize(("budget", "code"), [("1", 1), ("1000", 0), ("nan", 1)])
def test_the_size_budget_counts_kilobytes_of_1000_bytes(run, file, budget, code):
    path = file()
    ended = run("check", path, "--max-size-kb", budget)
    assert ended.code == code
    if code:
        size = path.stat().st_size / 1000
        assert ended.line == f"{path} has {size:.1f} kB, above the budget of {budget} kB"


def test_a_file_of_exactly_the_budget_is_within_it(run, file):
    path = file()
    assert run("check", path, "--max-size-kb", str(path.stat().st_size / 1000)).code == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has 0 bytes"),
        (b"This is a text file and no model.\n" * 9, "this is no .tflite model"),
        (READY[: len(READY) // 2], "truncated or damaged"),
        (READY[:30], "truncated or damaged"),
    ],
    ids=["empty", "text", "half", "30 bytes"],
)
@pytest.mark.parametrize("command", ["check", "evaluate"])
def test_what_is_no_model_is_one_line_that_names_the_file_and_exit_code_3(run, file, command, data, said):
    path = file(data)
    ended = run(command, path, *(["--data", "digits"] if command == "evaluate" else []))
    assert (ended.code, ended.out) == (3, "")
    assert str(path) in ended.line
    assert said in ended.line


@pytest.mark.parametrize("command", ["check", "evaluate"])
def test_a_missing_file_is_exit_code_4(run, command):
    ended = run(command, "none.tflite", *(["--data", "digits"] if command == "evaluate" else []))
    assert (ended.code, ended.out) == (4, "")
    assert ended.line.startswith("none.tflite: no such file; ")


def test_debug_puts_a_traceback_ahead_of_the_line_wherever_it_stands(run):
    for arguments in (("--debug", "check", "none.tflite"), ("check", "none.tflite", "--debug")):
        ended = run(*arguments)
        assert ended.code == 4
        assert ended.err.startswith("Traceback (most recent call last):\n")
        assert ended.err.splitlines()[-1].startswith("edgeready: none.tflite: no such file")


def test_a_bug_of_ours_is_one_line_with_exit_code_70(run, file, monkeypatch):
    def broken(data, path, runtime):
        raise AssertionError("never\nhappens")

    monkeypatch.setattr("edgeready.workflows.check.check_bytes", broken)
    ended = run("check", file())
    assert ended.code == 70
    assert ended.line == "a bug in edgeready (AssertionError: never happens); see --debug"


# evaluate and data


@pytest.fixture
def arrays(tmp_path) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=noise, y=np.arange(200) % 3)
    return tmp_path / "noise.npz"


def test_evaluate_prints_accuracy_and_as_json_the_confusion(run, file, arrays):
    text, data = run("evaluate", file(), "--data", arrays), run("evaluate", file(), "--data", arrays, "--json")
    assert (text.code, data.code, text.err, data.err) == (0, 0, "", "")
    found = json.loads(data.out)
    assert list(found) == ["model", "data", "runtime", "top1", "top5", "seen", "per_class", "confusion"]
    assert (found["model"], found["data"]) == (str(file()), "noise")
    assert found["top1"]["count"] == sum(map(sum, found["confusion"])) == 39
    assert f"{100 * found['top1']['value']:.2f} %" in text.out


@pytest.mark.parametrize(("budget", "code"), [("0", 0), ("100", 1), ("nan", 1)])
def test_the_accuracy_budget_decides_the_exit_code(run, file, arrays, budget, code):
    ended = run("evaluate", file(), "--data", arrays, "--min-accuracy", budget)
    assert ended.code == code
    assert ended.out
    if code:
        assert re.fullmatch(rf"top-1 accuracy is \d+\.\d\d %, below the budget of {budget} %", ended.line)


def test_labels_that_do_not_match_the_output_are_exit_code_3(run, file, arrays):
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities")
    path = file(package(READY, manifest, ("a", "b", "c"), "1"))
    ended = run("evaluate", path, "--data", arrays)
    assert ended.code == 3
    assert ended.line.endswith("give the data that it was made for")


def test_data_is_shown_and_as_json_counted(run, arrays):
    text, data = run("data", arrays), run("data", arrays, "--json")
    assert (text.code, data.code) == (0, 0)
    assert text.out.splitlines()[-1] == "noise: images of 8x8 grey"
    found = json.loads(data.out)
    assert found["image"] == {"height": 8, "width": 8, "channels": 1}
    assert sum(sum(found[part].values()) for part in ("train", "calibration", "test")) == 200


def test_a_preview_is_a_png(run, arrays, tmp_path):
    ended = run("data", arrays, "--preview", "samples.png")
    assert ended.code == 0
    with Image.open(tmp_path / "samples.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 100


def test_the_seed_moves_images_between_the_parts(run, arrays, tmp_path):
    for seed in "121":
        run("data", arrays, "--seed", seed, "--preview", f"{len(list(tmp_path.glob('*.png')))}.png")
    one, two, again = ((tmp_path / f"{number}.png").read_bytes() for number in range(3))
    assert one == again
    assert one != two


def test_data_exports_the_test_and_says_what_it_left_out(run, tmp_path):
    noise = np.random.default_rng(1)
    for number in range(12):
        path = tmp_path / "photos" / ("cat" if number % 2 else "dog") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    (tmp_path / "photos" / "cat" / "bad.png").touch()
    (tmp_path / "photos" / "cat" / "film.mp4").touch()
    refused = run("data", "photos", "--export-test", "out")
    assert (refused.code, (tmp_path / "out").exists()) == (3, False)
    assert refused.err.endswith("copy it again or remove it; --skip-damaged goes on without it\n")
    ended = run("data", "photos", "--skip-damaged", "--export-test", "out")
    assert (ended.code, ended.err) == (0, "edgeready: wrote 2 test images to out\n")
    assert "left out: 1 of 13 images cannot be used" in ended.out
    assert "left out of 'photos': 1 .mp4" in ended.out
    again = run("data", "photos", "--skip-damaged", "--test", "out", "--image-size", "8", "--json")
    assert json.loads(again.out)["test"] == {"cat": 1, "dog": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "cannot be read as .npz"), (b"text", "cannot be read as .npz"), (b"PK\x03\x04", "cannot be read as .npz")],
)
@pytest.mark.parametrize("command", ["data", "build"])
def test_a_broken_npz_is_exit_code_3(run, command, content, said, tmp_path):
    (tmp_path / "broken.npz").write_bytes(content)
    ended = run(command, "broken.npz")
    assert (ended.code, ended.out) == (3, "")
    assert said in ended.line
    assert [path.name for path in tmp_path.iterdir()] == ["broken.npz"]


def test_a_folder_with_one_class_is_exit_code_3_and_data_that_is_not_there_4(run, tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "cat" / "1.png")
    ended = run("build", "photos")
    assert ended.code == 3
    assert "at least two classes" in ended.line
    ended = run("build", "nosuch")
    assert ended.code == 4
    assert ended.line.startswith("no data set or path 'nosuch': use digits, mnist,")


def test_an_image_that_is_none_is_named_with_exit_code_3(run, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "photos" / name / f"{number}.png")
    (tmp_path / "photos" / "dog" / "x.jpg").write_text("no image")
    ended = run("build", "photos")
    assert ended.code == 3
    assert "dog/x.jpg" in ended.line


def test_a_preview_that_cannot_be_written_is_exit_code_3(run, arrays, tmp_path):
    (tmp_path / "taken").write_text("")
    ended = run("data", arrays, "--preview", "taken/samples.png")
    assert ended.code == 3
    assert ended.line.startswith("cannot write 'taken/samples.png' (")


# build


def test_an_output_that_cannot_be_written_is_told_before_the_training(run, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("")
    (tmp_path / "folder.tflite").mkdir()
    suffix = "tflite"
    before = sorted(tmp_path.iterdir())
    for name, said in (
        (
            f"taken/x.{suffix}",
            f"cannot write taken/x.{suffix}: {tmp_path / 'taken'} is no folder that you may write to",
        ),
        (f"folder.{suffix}", f"cannot write folder.{suffix}: it is a folder; name a file in it with --out"),
        ("x" * 300 + f".{suffix}", f"cannot write {'x' * 300}.{suffix} (File name too long); choose another --out"),
    ):
        started = time.monotonic()
        ended = run("build", "digits", "--out", name)
        assert ended.code == 3
        assert ended.line.startswith(said.partition(";")[0])
        assert time.monotonic() - started < 2
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("option", "name"), [("--save-float", "model_float32.tflite"), ("--save-keras", "model.keras")]
)
def test_what_is_kept_beside_the_model_is_told_before_the_training_when_it_cannot_be(run, tmp_path, option, name):
    (tmp_path / name).mkdir()
    ended = run("build", "digits", "--out", "model.tflite", option)
    assert ended.code == 3
    assert ended.line.startswith(f"cannot write {name}: it is a folder")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("bars", "expected"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_colour_is_as_the_environment_asks(file, bars, expected):
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    done = process("check", file(), env={**environment, bars: "1", "TERM": "xterm-256color"})
    assert done.returncode == 0
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", done.stdout)) is expected


def test_a_reader_that_leaves_early_is_no_error_and_does_not_change_the_verdict(file):
    for data, code in ((READY, 0), (NOT_READY, 1)):
        for option in ([], ["--json"]):
            command = [sys.executable, "-m", "edgeready", "check", str(file(data)), *option]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            child.stdout.close()
            assert child.stderr.read() == b""
            assert child.wait() == code
            child.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_behind_standard_output_is_exit_code_3(file):
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "edgeready", "check", str(file())]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == (
        "edgeready: standard output cannot be written (No space left on device): write elsewhere\n"
    )


def test_names_of_any_script_are_printed_even_where_the_terminal_knows_ascii_only(file, arrays, tmp_path):
    path = file(READY, "模型.tflite")
    done = process("check", path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u6a21\u578b.tflite: Edge-TPU ready" in done.stdout


# The documents


def calls_in(text: str) -> list[tuple[str, str]]:
    """(command, the rest) of every line in a document's code that calls `edgeready`."""
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    return re.findall(r"(?:^|&& |/)edgeready (?!--)([a-z]+)([^\n#]*)", code, re.MULTILINE)


@pytest.mark.parametrize("document", ["README.md", "docs/commands.md", "docs/ci.md"])
def test_every_command_and_option_that_a_document_shows_exists(run, document):
    found = calls_in((ROOT / document).read_text("utf-8"))
    assert found
    for name, rest in found:
        assert name in COMMANDS, f"{document}: edgeready {name}"
        shown = run(name, "--help").out
        for option in re.findall(r"--[a-z][a-z0-9-]+", rest):
            assert option in shown, f"{document}: edgeready {name} {option}"


@pytest.mark.parametrize(
    ("words", "what"),
    [(["data", ""], "word 2 of the command"), (["build", "digits", "--out="], "the value of --out")],
)
def test_an_empty_word_is_not_the_current_folder(run, words, what):
    ended = run(*words)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"edgeready: {what} is empty: is the variable set that it comes from?\n"


# completion


def test_bash_completes_the_words_of_every_command(run):
    script = run("completion", "bash").out

    def offered(*words):
        program = f'{script}\nCOMP_WORDS=(x "$@"); COMP_CWORD=$#; _edgeready; printf "%s\\n" "${{COMPREPLY[@]}}"'
        return subprocess.run(["bash", "-c", program, "x", *words], capture_output=True, text=True).stdout.split()

    assert offered("") == [*COMMANDS, "--help", "--version"]
    assert offered("build", "--no-") == ["--no-cache", "--no-fix", "--no-image-hashes"]
    assert offered("check", "--format", "") == ["text", "json", "sarif", "github"]
    assert offered("completion", "") == ["bash", "zsh", "fish"]
    assert offered("evaluate", "--data", "") == []


def test_a_shell_without_a_script_is_a_usage_error(run):
    ended = run("completion", "tcsh")
    assert (ended.code, ended.out) == (2, "")
    assert ended.line.endswith("'tcsh' is not one of 'bash', 'zsh', 'fish'; see edgeready completion --help")


def test_a_preview_says_which_letters_no_font_here_has(run, tmp_path, monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))  # where no fonts are
    for name in ("cat", "\u732b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            noise = np.random.default_rng((number, ord(name[0]))).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "photos" / name / f"{number}.png")
    ended = run("data", "photos", "--preview", "a.png")
    assert (ended.code, (tmp_path / "a.png").exists()) == (0, True)
    assert ended.line.startswith("a.png: no font here has \u732b, which are drawn as boxes: install one (on Debian ")
