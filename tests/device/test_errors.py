from __future__ import annotations

import pytest

from edgeready_device import errors


@pytest.mark.parametrize(
    ("name", "builtin", "exit_code"),
    [
        ("EdgereadyError", Exception, 70),
        ("UsageError", ValueError, 2),
        ("ModelFileError", ValueError, 3),
        ("InferenceError", ValueError, 3),
        ("ImageError", ValueError, 3),
        ("DatasetError", ValueError, 3),
        ("MeasurementError", ValueError, 3),
        ("OutputError", OSError, 3),
        ("NotFoundError", FileNotFoundError, 4),
        ("RuntimeUnavailableError", ImportError, 6),
    ],
)
def test_an_error_has_our_base_the_fitting_builtin_and_its_documented_exit_code(name, builtin, exit_code):
    kind = getattr(errors, name)
    assert issubclass(kind, (errors.EdgereadyError))
    assert issubclass(kind, builtin)
    assert kind.exit_code == exit_code


@pytest.mark.parametrize("name", ["OutputError", "NotFoundError", "RuntimeUnavailableError", "UsageError"])
def test_an_error_with_a_builtin_parent_prints_as_its_message(name):
    assert str(getattr(errors, name)("what, the value, what to do")) == "what, the value, what to do"
