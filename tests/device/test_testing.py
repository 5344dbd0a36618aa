from __future__ import annotations

import numpy as np
import pytest

from edgeready_device.errors import ImageError
from edgeready_device.testing import FakeInterpreter, fake_model


def test_the_stand_in_answers_and_counts():
    fake = FakeInterpreter(lambda tensor: tensor + 1)
    fake.set_tensor(fake.get_input_details()[0]["index"], np.array([1, 2]))
    fake.invoke()
    fake.invoke()
    assert fake.get_tensor(fake.get_output_details()[0]["index"]).tolist() == [2, 3]
    assert fake.invocations == 2


def test_the_stand_in_keeps_copies_as_a_runtime_does():
    fake = FakeInterpreter(lambda tensor: tensor)
    given = np.array([1, 2])
    fake.set_tensor(0, given)
    given[0] = 99
    fake.invoke()
    fake.get_tensor(1)[1] = 99
    assert fake.get_tensor(1).tolist() == [1, 2]


def test_a_model_without_a_file_or_a_runtime_classifies():
    model = fake_model(lambda frame: [frame.mean() / 255, 0.2, 7, -1], ("a", "b", "c", "d"), 4, 6, 1)
    found = model.classify(np.full((4, 6), 102, np.uint8), top=4)
    assert [(p.label, p.score) for p in found] == [
        ("c", 1.0),
        ("a", pytest.approx(0.4)),
        ("b", pytest.approx(0.2)),
        ("d", 0.0),
    ]


def test_a_model_without_a_file_is_as_strict_as_any():
    model = fake_model(lambda frame: [0, 1], ("a", "b"))
    assert model.contract.frame.height == 224
    with pytest.raises(ImageError, match=r"the frame has the shape \[2, 2, 3\], the model takes \[224, 224, 3\]"):
        model.classify(np.zeros((2, 2, 3), np.uint8))
