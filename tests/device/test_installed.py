from __future__ import annotations

import importlib.metadata
import sys

import pytest

from edgeready_device.runtime.runtime import UNKNOWN, installed_version


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on sys.path with the package `odd_thing`, and beside it the distributions that are named."""

    def make(*distributions: str):
        (tmp_path / "odd_thing").mkdir()
        (tmp_path / "odd_thing" / "__init__.py").touch()
        for name in distributions:
            (tmp_path / f"{name}.dist-info").mkdir()
            version = name.partition("-")[2]
            (tmp_path / f"{name}.dist-info" / "METADATA").write_text(f"Name: odd-thing\nVersion: {version}\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    return make


def test_the_version_is_that_of_the_metadata():
    assert installed_version("numpy", "numpy") == importlib.metadata.version("numpy")


def test_the_folders_name_tells_the_version(site):
    site("odd_thing-1.2.post3")
    assert installed_version("odd-thing", "odd_thing") == "1.2.post3"
    assert "odd_thing" not in sys.modules


def test_where_two_folders_are_left_the_metadata_is_asked(site):
    site("odd_thing-1.0", "odd_thing-2.0")
    assert installed_version("odd-thing", "odd_thing") in ("1.0", "2.0")


def test_a_module_without_a_distribution_has_no_known_version(site):
    site()
    assert installed_version("odd-thing", "odd_thing") == UNKNOWN


def test_a_module_that_is_not_there_has_none():
    assert installed_version("no-such-thing", "no_such_thing") is None
