"""The command `networks`: what each network by name costs, from the table, and what cannot be meant."""

from __future__ import annotations

import json

import pytest
from builds import LONG
from rich.console import Console

import edgeready
from edgeready.config.networks import IMAGENET_WIDTHS, KERAS_NETWORKS, NETWORKS
from edgeready.jobs.network_cost import NetworkCost, NetworkPlan
from edgeready.report.networks import networks_view
from edgeready.workflows import networks

USUAL = networks.plans_of(None, 3, networks.CLASSES)


def lines_of(costs) -> list[str]:
    console = Console(width=80, no_color=True)
    with console.capture() as capture:
        console.print(networks_view(networks.NetworkList(costs=tuple(costs))))
    return [line.rstrip() for line in capture.get().splitlines()]


def cost_of(name="mobilenet", size=96, **figures) -> NetworkCost:
    return NetworkCost(plan=NetworkPlan(model=name, frame=(size, size, 3), classes=5), **figures)


def test_each_network_is_listed_in_each_of_its_usual_widths(run_here):
    code, out, err = run_here("networks", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)["networks"]
    assert list(dict.fromkeys(row["model"] for row in rows)) == list(NETWORKS)
    assert [row["name"] for row in rows if row["model"] == "mobilenet-v2"] == [
        "mobilenet-v2-0.35",
        "mobilenet-v2-0.5",
        "mobilenet-v2-0.75",
        "mobilenet-v2",
        "mobilenet-v2-1.3",
        "mobilenet-v2-1.4",
    ]
    assert {row["name"]: row["imagenet"] for row in rows if not row["alpha"]} == {
        name: "pretrained" if name == "efficientnet-lite0" else "Keras" if name in KERAS_NETWORKS else None
        for name in NETWORKS
    }
    assert all(not row["refusal"] and row["model_bytes"] and row["macs"] and row["parameters"] for row in rows)
    assert {tuple(row["frame"]) for row in rows} == {(32, 32, 3), (224, 224, 3)}


def test_the_networks_for_small_devices_are_ready_and_stay_on_the_edge_tpu():
    small = [cost for cost in edgeready.networks().costs if cost.plan.model in (*NETWORKS[:7], *IMAGENET_WIDTHS)]
    assert [cost.plan.name for cost in small if cost.verdict != "ready" or not cost.fits_cache] == []


def test_the_table_fits_80_columns(run_here):
    code, out, err = run_here("networks")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "RGB images of 32x32, 10 classes"
    assert "RGB images of 224x224, 10 classes" in lines
    assert sum(line.startswith("mobilenet-v3-small-minimalistic ") for line in lines) == 1


def test_a_network_is_shown_with_what_the_edge_tpu_does_with_it():
    figures = {"parameters": 999_999, "model_bytes": 1_234_567, "macs": 10_000_000, "ops": 4}
    costs = [
        cost_of(**figures, mapped_ops=4, cached_bytes=900_000),
        cost_of("xception", **figures, mapped_ops=3),
        cost_of("resnet50-v2", **figures, mapped_ops=4, cached_bytes=750, streamed_bytes=250),
        cost_of("densenet121", **figures, mapped_ops=4, verdict="probably ready"),
        cost_of("inception-v3", refusal="inception-v3 needs images of at least 75x75 pixels"),
    ]
    assert [line.split() for line in lines_of(costs)[:8]] == [
        "RGB images of 96x96, 5 classes".split(),
        "network params bytes MACs Edge TPU ImageNet".split(),
        "mobilenet 1000 k 1,234,567 10 M fits Keras".split(),
        "xception 1000 k 1,234,567 10 M 3 of 4 Keras".split(),
        "resnet50-v2 1000 k 1,234,567 10 M 25 % out Keras".split(),
        "densenet121 1000 k 1,234,567 10 M probably Keras".split(),
        [],
        "not here: inception-v3 needs images of at least 75x75 pixels".split(),
    ]
    assert [cost.fits_cache for cost in costs] == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--image-size", "big"), "the image size is 'big': write 96 or 96x128 (height x width)"),
        (("--image-size", "0"), "--image-size is 0x0: use 1 to 1024 pixels"),
        (("--image-size", "96x1025"), "--image-size is 96x1025: use 1 to 1024 pixels"),
        (("--channels", "4"), "channels is 4: use 1 (grey) or 3 (RGB)"),
        (("--classes", "1"), "--classes is 1: use 2 to 100000 classes"),
        (("--classes", "100001"), "--classes is 100001: use 2 to 100000 classes"),
    ],
)
def test_what_cannot_be_meant_is_one_line(run_here, arguments, message):
    code, out, err = run_here("networks", *arguments)
    assert (code, out) == (2, "")
    assert err == f"edgeready: {message}\n"


def test_a_table_is_read_as_it_was_written():
    costs = [cost_of(macs=5, verdict="not ready", mapped_ops=1, ops=2), cost_of(refusal='too "small", 31x32')]
    costs.append(NetworkCost(plan=NetworkPlan(model="mobilenet", alpha=0.35, frame=(1, 2, 1), classes=2)))
    assert networks.read_table(networks.write_table(costs)) == costs


def test_the_table_holds_the_usual_plans_in_their_order():
    assert list(networks.table_costs()) == list(USUAL)


@LONG
@pytest.mark.tensorflow
def test_the_table_is_what_the_conversion_shows():
    """Converts a third of the networks, those without the large ones: half a minute."""
    plans = tuple(plan for plan in USUAL if plan.model in NETWORKS[:7] or plan.alpha in (0.25, 0.35))
    assert list(networks.convert_all(plans)) == [networks.table_costs()[plan] for plan in plans]


@LONG
@pytest.mark.tensorflow
def test_another_size_is_converted_and_what_does_not_fit_has_its_reason(monkeypatch):
    """Converts two networks: ten seconds."""
    plans = networks.plans_of((40, 48), 3, 4)
    monkeypatch.setattr(networks, "NETWORKS", ("tutorial-cnn", "inception-v3"))
    small, large = networks.list_networks((40, 48), classes=4).costs
    assert (small.plan, small.model_bytes > 0, small.refusal) == (plans[0], True, "")
    assert large.refusal == (
        "inception-v3 needs images of at least 75x75 pixels, these are 40x48: give a larger --image-size"
    )
