"""Converts networks of torchvision and timm to uint8 and tells which the Edge TPU would run whole.

usage: python benchmarks/torch_networks.py --torch-python PYTHON [--only resnet18,timm/ghostnet_100] [--timeout 900]

PYTHON has torch, torchvision and timm. Weights are random, batch normalization has the statistics of random pictures,
and so the activations have the ranges of a network that learned. Readiness depends on ops and shapes, not on weights.
Printed as Markdown, a line as each ends: ready (predicted) or not, mapped ops, how far the float32 file is from
PyTorch (of the largest output), what was rewritten with the same result, and the refusal or the first ops that are
not mapped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

CLASSES, SIZE = 10, 96
SIZES = {"inception_v3": 128, "vit_b_16": 224, "swin_t": 224, "maxvit_t": 224, "vgg11_bn": 224, "alexnet": 224}
SIZES |= {"timm/deit_tiny_patch16_224": 224, "timm/mixer_s32_224": 224, "timm/levit_128s": 224}
SOURCE = """\
import torch
from torch import nn


def make(classes):
    torch.manual_seed(0)
    name, size = {name!r}, {size}
    if name.startswith("timm/"):
        import timm

        network = timm.create_model(name[5:], num_classes=classes)
    elif name == "small CNN":
        network = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * (size // 4) ** 2, classes),
        )
    else:
        import torchvision

        more = dict(aux_logits=False) if name in ("googlenet", "inception_v3") else dict()
        network = getattr(torchvision.models, name)(num_classes=classes, **more)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.rand(4, 3, size, size))
    return network.eval()
"""
NAMES = tuple(
    """
    mobilenet_v2 resnet18 efficientnet_b0 mobilenet_v3_small shufflenet_v2_x1_0 alexnet vgg11_bn squeezenet1_1
    resnext50_32x4d wide_resnet50_2 densenet121 googlenet inception_v3 mnasnet0_5 regnet_x_400mf regnet_y_400mf
    efficientnet_v2_s convnext_tiny vit_b_16 swin_t
    timm/mobilenetv1_100 timm/tf_efficientnet_lite0 timm/ghostnet_100 timm/mobilenetv4_conv_small timm/lcnet_050
    timm/tinynet_e timm/fbnetc_100 timm/spnasnet_100 timm/semnasnet_075 timm/hardcorenas_a timm/rexnet_100
    timm/mixnet_s timm/mobileone_s0 timm/repvgg_a0 timm/dla34 timm/ese_vovnet19b_dw timm/hrnet_w18_small
    timm/cspdarknet53 timm/selecsls42b timm/res2net50_26w_4s timm/skresnet18 timm/dpn68 timm/xception41
    timm/inception_v4 timm/resnetv2_50 timm/efficientvit_b0 timm/mobilevit_xxs timm/edgenext_xx_small
    timm/fastvit_t8 timm/poolformer_s12 timm/convmixer_768_32 timm/deit_tiny_patch16_224 timm/mixer_s32_224
    timm/levit_128s
    """.split()
)


def one(name: str, python: str) -> dict[str, Any]:
    """Converts one network here and returns what came of it."""
    import numpy as np

    from edgeready.config.build import NetworkConfig, SourceConfig
    from edgeready.errors import EdgereadyError
    from edgeready.jobs.job import Job
    from edgeready.jobs.run_job import run_job
    from edgeready.readiness import check_graph

    size = SIZES.get(name, SIZE)
    frames = np.random.default_rng(1).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "network.py")
        source.write_text(SOURCE.format(name=name, size=size), "utf-8")
        job = Job(
            model=f"{source}:make",
            classes=CLASSES,
            images=frames,
            labels=np.arange(len(frames)) % CLASSES,
            calibration=frames,
            network=NetworkConfig(preset="unit"),
            source=SourceConfig(torch_python=python),
            settled=True,
        )
        try:
            result = run_job(job, lambda stage, done, total: None)
        except EdgereadyError as error:
            return {"error": str(error).replace(str(source), "network.py")}
    if "uint8" in result.refusals:
        return {"error": result.refusals["uint8"]}
    model, check = result.models["uint8"], result.source_check
    assert check is not None  # run_job holds every network of PyTorch against it
    report = check_graph(model.graph)
    lacks = Counter(report.ops[fault.op].name for fault in report.blockers if fault.op is not None)
    return {
        "ops": len(report.ops),
        "mapped": report.mapped,
        "ready": report.ready,
        "bytes": len(model.flatbuffer),
        "difference": check.difference / check.largest_value if check.largest_value else 0.0,
        "rewrites": list(result.rewrites),
        "lacks": [f"{op} {count}x" for op, count in lacks.most_common(4)],
    }


def row(name: str, answer: dict[str, Any], seconds: float) -> str:
    """Returns the line of the table for the network `name`."""
    size = SIZES.get(name, SIZE)
    if "error" in answer:
        return f"| {name} | {size} | refused | | | | {answer['error']} | {seconds:.0f} |"
    verdict = "**ready**" if answer["ready"] else "not ready"
    what = "; ".join(answer["rewrites"])
    return (
        f"| {name} | {size} | {verdict} | {answer['mapped']} of {answer['ops']} | {answer['bytes']:,} "
        f"| {answer['difference']:.0e} | {', '.join(answer['lacks']) or what} | {seconds:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--only", default="small CNN," + ",".join(NAMES))
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.torch_python)))
        return
    print("| network | size | Edge TPU | mapped | bytes | from PyTorch | rewritten, or not mapped | s |")
    print("|---|---|---|---|---|---|---|---|")
    names = [name.strip() for name in options.only.split(",")]
    ready = 0
    for name in names:
        started = time.monotonic()
        command = [sys.executable, __file__, "--torch-python", options.torch_python, "--one", name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=options.timeout, env=os.environ)
            answer = json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr[-200:]}
        except subprocess.TimeoutExpired:
            answer = {"error": f"did not end within {options.timeout:g} s"}
        ready += answer.get("ready", False)
        print(row(name, answer, time.monotonic() - started), flush=True)
    print(f"\n{ready} of {len(names)} ready.")


if __name__ == "__main__":
    main()
