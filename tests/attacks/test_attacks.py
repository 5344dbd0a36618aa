"""Each attack is a file that a script makes; its victim gets one sentence, in time, and in little memory."""

from __future__ import annotations

import re
import time
import tracemalloc

import layouts  # noqa: F401  (each registers its attacks)
import operators  # noqa: F401
import pytest
import tails  # noqa: F401
import tensors  # noqa: F401
from crafting import ATTACKS, by_hand, vector
from tflite_models import O, T, conv_classifier, tflite

from edgeready_device import cli
from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.session import Session

LIMIT_S = 5.0
LIMIT_BYTES = 200_000_000


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_one_sentence(name, tmp_path):
    path = tmp_path / "attack.tflite"
    path.write_bytes(ATTACKS[name].make())
    started = time.perf_counter()
    with pytest.raises(ModelFileError, match=ATTACKS[name].refusal) as caught:
        read_model_file(path)
    assert time.perf_counter() - started < LIMIT_S
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 400


@pytest.mark.parametrize("name", ["one long name 3000 times", "a name that steers the terminal", "no options"])
def test_the_command_ends_an_attack_with_exit_code_3_and_one_line(name, tmp_path, capsys):
    path = tmp_path / "attack.tflite"
    path.write_bytes(ATTACKS[name].make())
    for verb in (["classify", str(path), "image.png"], ["info", str(path)], ["benchmark", str(path)]):
        assert cli.main(verb) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert re.search(ATTACKS[name].refusal, line)


@pytest.mark.parametrize("scales", [[0.1, 0.2, 0.3, 0.4], None])
def test_scales_that_no_rule_decides_give_a_kernel_up_in_a_child(scales, tmp_path):
    """To have a kernel's own check give up in the caller's process."""
    row = [T("x", (1, 4), "int8", scales, axis=1), T("y", (1, 4), "int8", 0.1 if scales else None)]
    path = tmp_path / "attack.tflite"
    path.write_bytes(tflite(tensors=row, ops=[O("ADD", ["x", "x"], ["y"])], inputs=["x"], outputs=["y"]))
    with pytest.raises(ModelFileError, match=r"did not survive its first run, in a child process: .*SIGABRT"):
        Session.load(path)


@pytest.mark.parametrize("name", ["one long name 3000 times", "one subgraph 20000 times"])
def test_an_attack_on_memory_costs_little(name, tmp_path):
    path = tmp_path / "attack.tflite"
    path.write_bytes(ATTACKS[name].make())
    tracemalloc.start()
    with pytest.raises(ModelFileError):
        read_model_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size + LIMIT_BYTES


def test_metadata_entries_that_share_a_large_buffer_cost_it_once(tmp_path):
    path = tmp_path / "attack.tflite"
    path.write_bytes(by_hand(lambda builder: vector(builder, []), metadata=2000, payload=1_000_000))
    tracemalloc.start()
    found = read_model_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.graph.metadata) == 2000
    assert peak < 50_000_000


def test_every_attack_says_what_it_tries():
    assert len(ATTACKS) > 100
    assert all(attack.tries for attack in ATTACKS.values())


def test_the_model_that_the_attacks_change_is_sound(tmp_path):
    path = tmp_path / "sound.tflite"
    path.write_bytes(conv_classifier())
    assert len(read_model_file(path).graph.ops) == 7
