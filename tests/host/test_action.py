"""The GitHub Action and the pre-commit hooks for other projects: their shell runs here as the runner would run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tflite_models import conv_classifier

from edgeready.cli import app as cli

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def workspace(tmp_path):
    """A project's checkout, and the runner's folder with an environment that has this edgeready."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "model.tflite").write_bytes(conv_classifier())
    (tmp_path / "project" / "leaky.tflite").write_bytes(conv_classifier(leaky=True))
    (tmp_path / "project" / "edgeready.toml").write_text("[gate]\nmax-size-kb = 0.5\n")
    folder = tmp_path / "temp" / "edgeready" / "bin"
    folder.mkdir(parents=True)
    command = folder / "edgeready"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m edgeready "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run_step(name: str, folder: Path, **inputs: str) -> subprocess.CompletedProcess:
    """Runs the step as the runner does: its script in a file, its expressions in `env` filled in."""
    values = {key: entry.get("default", "") for key, entry in ACTION["inputs"].items()} | inputs
    known = {"github.action_path": str(ROOT), **{f"inputs.{key}": value for key, value in values.items()}}
    env = {
        key: re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda match: known[match[1]], text)
        for key, text in STEPS[name].get("env", {}).items()
    }
    script = folder / "step.sh"
    script.write_text(STEPS[name]["run"])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=folder / "project",
        env={
            **os.environ,
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_inputs_reach_a_script_as_variables_only_and_actions_are_pinned():
    for name, step in STEPS.items():
        assert "${{" not in step.get("run", ""), name
        assert ("run" in step) == ("shell" in step), name
        assert ("run" in step) != ("uses" in step), name
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
    names = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text("utf-8")))
    assert names == set(ACTION["inputs"])
    workflow = (ROOT / ".github" / "workflows" / "example-model.yml").read_text("utf-8")
    assert STEPS["emulator"]["with"]["image"] in workflow


def test_budgets_that_are_kept_end_the_step_with_0_and_show_the_table(workspace):
    done = run_step("gate", workspace, model="model.tflite", gate="--max-size-kb 500 --readiness ready")
    assert (done.returncode, done.stderr) == (0, "")
    first, head, *rows = done.stdout.splitlines()
    assert first.startswith("::notice file=model.tflite,title=edgeready gate::")
    assert head.split() == ["budget", "measured", "limit", "verdict"]
    summary = (workspace / "summary.md").read_text().splitlines()
    assert (summary[0], summary[-1], summary[1:-1]) == ("```", "```", [head, *rows])


def test_a_broken_budget_is_an_annotation_and_ends_the_step_with_1(workspace):
    done = run_step("gate", workspace, model="model.tflite")  # --config edgeready.toml
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=model.tflite,title=edgeready gate%3A size::")
    assert "BROKEN" in (workspace / "summary.md").read_text()


def test_a_model_that_is_missing_ends_the_step_with_its_own_code_and_line(workspace):
    done = run_step("gate", workspace, model="no.tflite")
    assert (done.returncode, done.stderr) == (4, "edgeready: no.tflite: no such file; name a .tflite model\n")


@pytest.mark.parametrize("words", ["$(touch hacked)", "; touch hacked", "`touch hacked` --json", "*"])
def test_a_hostile_input_is_no_shell(workspace, words):
    for name, inputs in (("gate", {"model": "model.tflite", "gate": words}), ("make", {"make": f"convert {words}"})):
        done = run_step(name, workspace, **{"model": "model.tflite", **inputs})
        assert done.returncode in (2, 4), done.stderr
        assert not (workspace / "project" / "hacked").exists()


def test_make_runs_build_and_convert_and_nothing_else(workspace):
    done = run_step("make", workspace, model="out.tflite", make="convert m.keras --data nosuch")
    assert (done.returncode, done.stderr.partition(";")[0]) == (4, "edgeready: m.keras: no such model file")
    done = run_step("make", workspace, model="out.tflite", make="build nosuch")
    assert (done.returncode, done.stderr.partition("'nosuch'")[0]) == (4, "edgeready: no data set or path ")
    done = run_step("make", workspace, model="out.tflite", make="bundle out.tflite")
    assert (done.returncode, done.stdout) == (
        2,
        "::error title=edgeready::make is 'bundle ...': begin with build or convert\n",
    )


@pytest.mark.long
def test_the_install_step_gives_an_environment_with_both_commands(workspace):
    done = run_step("install", workspace)
    assert done.returncode == 0, done.stderr
    for name in ("edgeready", "edgeready-device"):
        command = workspace / "temp" / "edgeready" / "bin" / name
        assert subprocess.run([command, "--version"], capture_output=True).returncode == 0


# pre-commit


HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def test_a_hook_calls_a_command_that_there_is_and_installs_both_packages():
    commands = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert set(HOOKS) == {"edgeready-check", "edgeready-gate"}
    for hook in HOOKS.values():
        program, command, *_ = hook["entry"].split()
        assert (program, command in commands, hook["language"]) == ("edgeready", True, "python")
        for folder in (".", *hook["additional_dependencies"]):
            assert (ROOT / folder / "pyproject.toml").is_file()


def test_the_hooks_refuse_and_pass_as_their_commands_do(run_here, tmp_path):
    for name, data, code in (("a.tflite", conv_classifier(), 0), ("b.tflite", conv_classifier(leaky=True), 1)):
        (tmp_path / name).write_bytes(data)
        assert run_here(*HOOKS["edgeready-check"]["entry"].split()[1:], name)[0] == code
    (tmp_path / "edgeready.toml").write_text('[gate]\nmodel = "a.tflite"\nmax-size-kb = 500\n')
    assert run_here(*HOOKS["edgeready-gate"]["entry"].split()[1:])[0] == 0
    (tmp_path / "edgeready.toml").write_text('[gate]\nmodel = "a.tflite"\nmax-size-kb = 0.5\n')
    assert run_here(*HOOKS["edgeready-gate"]["entry"].split()[1:])[0] == 1
    assert re.search(HOOKS["edgeready-gate"]["files"], "models/x.tflite")
