"""`completion`: the scripts complete words in the shells that this machine has."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from edgeready_device import cli
from edgeready_device.report.completion import SHELLS, OptionWords, VerbWords, completion_script

VERBS = list(cli.parsers()[1])
HOSTILE = 'it\'s [a] "b": $(touch hacked) `touch hacked` \\ 50 %'


def needs(shell: str):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


EVERY_SHELL = [pytest.param(shell, marks=needs(shell)) for shell in SHELLS]


@pytest.fixture
def script(capsys):
    def write(shell: str) -> str:
        assert cli.main(["completion", shell]) == 0
        written = capsys.readouterr()
        assert written.err == ""
        return written.out

    return write


def bash_words(script: str, *words: str) -> list[str]:
    """What bash offers for the last of `words`."""
    program = f'{script}\nCOMP_WORDS=(x "$@"); COMP_CWORD=$#; _edgeready_device; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", program, "bash", *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def fish_words(script: str, line: str) -> list[str]:
    program = f"{script}\ncomplete -C {line!r}"
    done = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [word.partition("\t")[0] for word in done.stdout.splitlines()]


@needs("bash")
def test_bash_completes_verbs_options_and_values(script):
    text = script("bash")
    assert bash_words(text, "") == [*VERBS, "--help", "--version"]
    assert bash_words(text, "be") == ["benchmark"]
    assert bash_words(text, "benchmark", "--thr") == ["--threads"]
    assert bash_words(text, "--json", "info", "--j") == ["--json"]
    assert bash_words(text, "completion", "") == list(SHELLS)
    assert bash_words(text, "benchmark", "--threads", "") == []
    assert bash_words(text, "info", "mod") == []  # readline completes the names of files
    assert bash_words(text, "nosuch", "") == [*VERBS, "--help", "--version"]


@needs("fish")
def test_fish_completes_verbs_options_and_values(script):
    text = script("fish")
    assert fish_words(text, "edgeready-device ") == sorted(VERBS)
    assert fish_words(text, "edgeready-device benchmark --thr") == ["--threads"]
    assert fish_words(text, "edgeready-device completion ") == sorted(SHELLS)


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_shell_reads_the_script_without_a_word(script, shell, tmp_path):
    path = tmp_path / "script"
    path.write_text(script(shell))
    done = subprocess.run([shell, "-n", path], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_verb_and_long_option_is_in_the_script(script, shell):
    text = script(shell)
    for name, parser in cli.parsers()[1].items():
        assert name in text
        for flag in (flag for action in parser._actions for flag in action.option_strings):
            assert (f"-l {flag[2:]}" if shell == "fish" and flag.startswith("--") else flag[1:]) in text


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_help_text_is_never_code(shell, tmp_path):
    option = OptionWords(flags=("--odd",), help=HOSTILE, takes_value=True, values=("a", "b"))
    path = tmp_path / "script"
    path.write_text(completion_script(shell, "edgeready-device", {"odd": VerbWords(help=HOSTILE, options=(option,))}))
    prelude = {"zsh": "autoload -U compinit; compinit -u -D; "}.get(shell, "")
    done = subprocess.run([shell, "-c", f"{prelude}. {path}"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("words", [["tcsh"], []])
def test_another_shell_is_a_usage_error(capsys, words):
    with pytest.raises(SystemExit) as ended:
        cli.main(["completion", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""
