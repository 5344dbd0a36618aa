"""Where a network is trained, as the options say it, without TensorFlow."""

from __future__ import annotations

import pytest

from edgeready.config.devices import DevicesConfig
from edgeready.errors import UsageError


@pytest.mark.parametrize(
    ("words", "devices", "count", "on_cpu"),
    [
        ("1", "1", 1, False),
        (2, "2", 2, False),
        ("ALL", "all", None, False),
        ("cpu:2", "cpu:2", 2, True),
        ("CPU:64", "cpu:64", 64, True),
    ],
)
def test_devices_are_a_number_of_gpus_all_of_them_or_parts_of_the_cpu(words, devices, count, on_cpu):
    config = DevicesConfig(devices=words)
    assert (config.devices, config.count, config.on_cpu) == (devices, count, on_cpu)


def test_without_the_option_it_is_one_device():
    assert DevicesConfig() == DevicesConfig(devices="1")


@pytest.mark.parametrize(
    "words",
    ["", "0", "-1", "65", "1.5", "two", "cpu", "cpu:", "cpu:0", "gpu:2", "0,1", "٢", "1" * 400, None, 0, " 2"],
)
def test_what_is_no_number_of_devices_is_refused(words):
    with pytest.raises(UsageError) as error:
        DevicesConfig(devices=words)
    assert str(error.value) == (
        f"--devices is {str(words).lower()!r}: write a number of GPUs from 1 to 64, all, or cpu:2"
    )
