"""The names that users import from the package itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

import edgeready_device


@pytest.mark.parametrize("name", edgeready_device.__all__)
def test_every_stable_name_is_there(name):
    assert getattr(edgeready_device, name) is getattr(edgeready_device, name)


def test_a_name_that_is_none_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'edgeready_device' has no attribute 'Modell'"):
        edgeready_device.Modell  # noqa: B018


def test_importing_the_package_alone_does_not_load_numpy():
    code = "import sys, edgeready_device, edgeready_device.cli; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
