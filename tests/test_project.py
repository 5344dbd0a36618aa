"""What stands in the project's own files: one version, one licence, workflows and forms that parse."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml

import edgeready
import edgeready_device

ROOT = Path(__file__).parents[1]
VERSION = (ROOT / "device" / "edgeready_device" / "VERSION").read_text("ascii").strip()
PRODUCT = ("host", "device", ".github", "pyproject.toml", "setup.py", "MANIFEST.in", "Dockerfile.arm64", ".ci")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def product_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *PRODUCT], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no checkout, so its files cannot be listed")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_the_version_stands_in_one_file_only():
    files = product_files()
    literal = re.compile(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.])")
    assert len(files) > 200
    found = [str(path.relative_to(ROOT)) for path in files if literal.search(path.read_text("utf-8", "replace"))]
    assert found == ["device/edgeready_device/VERSION"]


def test_both_packages_have_the_one_version_and_the_host_pins_it():
    assert edgeready.__version__ == edgeready_device.__version__ == VERSION
    assert f"edgeready-device=={VERSION}" in (requires("edgeready") or [])


def test_the_changelog_begins_with_the_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == VERSION


@pytest.mark.parametrize("project", ["pyproject.toml", "device/pyproject.toml"])
def test_the_licence_is_named_by_its_identifier(project):
    text = (ROOT / project).read_text("utf-8")
    assert '\nlicense = "Apache-2.0"\n' in text
    assert '\nauthors = [{ name = "edgeready maintainers" }]\n' in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_triggers_bounded_jobs_and_the_least_rights(path):
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["name"] == path.stem
    assert workflow[True]  # YAML 1.1 reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert job["steps"]
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])


def test_every_script_that_a_workflow_runs_is_there():
    steps = [
        step
        for path in WORKFLOWS
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
        for step in job["steps"]
    ]
    scripts = {
        script
        for step in steps
        for script in re.findall(r"(?:^|\s)((?:\.ci|tests|benchmarks)/[\w/.-]+)", step.get("run", ""))
    }
    assert ".ci/run" in scripts
    assert [script for script in scripts if not (ROOT / script).exists()] == []


def test_the_issue_form_asks_for_both_versions_and_the_doctor():
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8"))
    required = [field for field in form["body"] if field.get("validations", {}).get("required")]
    text = " ".join(field["attributes"].get("description", "") for field in required)
    assert "edgeready --version" in text
    assert "edgeready-device doctor --json" in text
    assert len({field["id"] for field in form["body"] if "id" in field}) == sum(
        "id" in field for field in form["body"]
    )


def test_the_hooks_are_local_and_run_what_the_tests_run():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert repository["repo"] == "local"
    assert {hook["id"] for hook in repository["hooks"]} == {"ruff-check", "ruff-format", "mypy", "settings"}
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


@pytest.mark.parametrize(("name", "text"), [("a.toml", "key = "), ("a.yml", "key: [1"), ("a.yaml", "a: b: c")])
def test_the_hook_for_settings_names_the_file_that_does_not_parse(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (tmp_path / "sound.toml").write_text("key = 1\n")
    script = [sys.executable, ROOT / "tests" / "check_settings.py", tmp_path / "sound.toml"]
    assert subprocess.run(script).returncode == 0
    done = subprocess.run([*script, tmp_path / name], capture_output=True, text=True)
    assert (done.returncode, done.stdout.startswith(f"{tmp_path / name}: ")) == (1, True)
