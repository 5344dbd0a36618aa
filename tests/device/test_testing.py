from __future__ import annotations

import numpy as np

from edgeready_device.testing import FakeInterpreter


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
