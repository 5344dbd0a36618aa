"""docs/foreign-files.md names options, presets and tests that there are."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from edgeready_device import cli
from edgeready_device.model_file.contract import Description
from edgeready_device.normalization import PRESETS

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "foreign-files.md").read_text("utf-8")


def test_every_test_that_the_page_names_is_there():
    named = set(re.findall(r"`(test_\w+)`", MANUAL))
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)\(", sources, re.MULTILINE))
    assert len(named) > 15
    assert named - defined == set()


def test_the_options_of_the_page_are_those_of_classify_and_evaluate():
    table = MANUAL.split("| option | `Description` | says |")[1].split("\n\n")[0]
    options = set(re.findall(r"`(--[a-z]+)", table))
    _, verbs = cli.parsers()
    for verb in ("classify", "evaluate"):
        [group] = [group for group in verbs[verb]._action_groups if str(group.title).startswith("description of the")]
        assert {action.option_strings[0] for action in group._group_actions} == options


def test_the_fields_of_a_description_are_those_of_the_page():
    table = MANUAL.split("| option | `Description` | says |")[1].split("\n\n")[0]
    assert set(re.findall(r"\| `([a-z]+)` \|", table)) == {field.name for field in dataclasses.fields(Description)}


def test_the_presets_of_the_page_are_those_in_the_code():
    table = MANUAL.split("## Presets\n")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(PRESETS)
