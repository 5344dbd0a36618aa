"""Transfer learning in TensorFlow's process: cases of tf_cases.py, which calls `add`."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from edgeready.config.build import TrainConfig
from edgeready.tf import efficientnet_lite, models, pretrained, train, transfer
from edgeready_device.normalization import Normalization
from edgeready_device.progress import no_progress


def statistics_and_kernels(model):
    """The moving statistics and the other weights of a backbone."""
    moving = [v.numpy() for v in model.non_trainable_variables if "moving" in v.path]
    return moving, [v.numpy() for v in model.weights if "moving" not in v.path]


def small_network(dropout=0.2):
    """A backbone of one convolution under a head, as build_application makes it."""
    image = keras.Input((8, 8, 3))
    features = keras.layers.BatchNormalization()(keras.layers.Conv2D(6, 3)(image))
    backbone = keras.Model(image, keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(features)))
    backbone.trainable = False
    frame = keras.Input((8, 8, 3))
    # They are made in this order, in which they draw their seeds.
    classifier, dropout_layer = keras.layers.Dense(2, activation="softmax"), keras.layers.Dropout(dropout)
    model = keras.Model(frame, classifier(dropout_layer(backbone(frame, training=False))))
    return models.NamedModel("small", model, Normalization((127.5,), (127.5,)), backbone)


def head():
    """A head on frozen features, then two epochs of the whole network."""
    train.seed_everything(4)
    named, stages = small_network(), []
    labels = np.arange(48, dtype=np.int64) % 2
    images = np.random.default_rng(1).integers(0, 120, (48, 8, 8, 3), dtype=np.uint8)
    images[labels == 1] += 100
    moving, kernels = statistics_and_kernels(named.backbone)

    def progress(label, done, total):
        stage = label.partition(", loss")[0]
        if stage not in stages:
            stages.append(stage)

    def compare():
        now_moving, now_kernels = statistics_and_kernels(named.backbone)
        return {
            "kernels": all(map(np.array_equal, kernels, now_kernels)),
            "statistics": all(map(np.array_equal, moving, now_moving)),
        }

    parts, judges = (images[:32], labels[:32]), (images[32:], labels[32:])
    config = TrainConfig(epochs=3, batch_size=8, learning_rate=0.05, augment="shift")
    frozen = transfer.train_head(named, *parts, config, progress, validation=judges)
    frozen_state = compare()
    with TemporaryDirectory() as scratch:
        store = transfer._FeatureStore(transfer.OneRunner(named), Path(scratch), no_progress)
        features = store.compute("some", images[:5], ["none"], 1)[0]
    direct = named.model((images[:5].astype(np.float32) - 127.5) / 127.5, training=False)
    same = np.allclose(transfer._head_of(named)(features), direct, atol=1e-5)
    tuned = transfer.train_head(named, *parts, replace(config, fine_tune=2))
    return {
        "frozen": frozen_state,
        "fine-tuned": compare(),
        "stages": stages,
        "epochs": [epoch.epoch for epoch in tuned],
        "validated": [epoch.val_loss is not None for epoch in (*frozen, *tuned)],
        "same scores": bool(same),
        "accuracy": frozen[-1].val_accuracy,
    }


def decayed():
    """What a weight decay takes of each trained weight in one step, as a part of the rate times the decay of it.

    The fine-tuning is a second step, of which only what the backbone loses is told: the head has lost before.
    """
    rate, decay = 0.01, 0.5
    plain = TrainConfig(epochs=1, batch_size=32, learning_rate=rate)
    images = np.random.default_rng(3).integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    found = {}
    for part, fit, config in (
        ("network", train.train, plain),
        ("head", transfer.train_head, plain),
        ("fine-tuning", transfer.train_head, replace(plain, fine_tune=1)),
    ):
        ended = []
        for weight_decay in (None, decay):
            train.seed_everything(1)
            named = small_network(dropout=0.0)
            if part == "network":
                named.backbone.trainable, named = True, replace(named, backbone=None)
            weights = named.backbone.weights[:1] if part == "fine-tuning" else named.model.trainable_variables
            before = [weight.numpy() for weight in weights]
            fit(named, images, np.arange(32) % 2, replace(config, weight_decay=weight_decay))
            ended.append([weight.numpy() for weight in weights])
        found[part] = [
            [weight.name, float(np.vdot(without - with_it, start) / np.vdot(start, start) / rate / decay)]
            for weight, start, without, with_it in zip(weights, before, *ended, strict=True)
            if start.any()
        ]
    return found


class FloatStorage:
    """What PyTorch's pickles call theirs."""


def _rebuild_tensor_v2():
    """The same."""


class LongStorage:
    """The same."""


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.arguments = (storage, offset, size, stride, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


class StateDictPickler(pickle.Pickler):
    def persistent_id(self, value):
        return (
            ("storage", value[0], value[1], "cpu", value[2], None)
            if type(value) is tuple and len(value) == 3 and isinstance(value[0], type)
            else None
        )


def state_dict(tensors, storages):
    """The bytes that PyTorch 1.5 wrote for `tensors`."""
    stream = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(value, stream, 2)
    StateDictPickler(stream, 2).dump(tensors)
    pickle.dump(list(storages), stream, 2)
    for values in storages.values():
        stream.write(len(values).to_bytes(8, "little") + values.tobytes())
    text = stream.getvalue()
    for name, module in (("FloatStorage", "torch"), ("LongStorage", "torch"), ("_rebuild_tensor_v2", "torch._utils")):
        text = text.replace(f"c{__name__}\n{name}\n".encode(), f"c{module}\n{name}\n".encode())
    return text


FLOATS = (FloatStorage, "1", 6)
STORAGES = {"1": np.arange(6, dtype="<f4"), "2": np.array([7], "<i8")}


def read_state_dict():
    tensors = OrderedDict(
        a=Tensor(FLOATS, 0, (3, 2), (1, 3)),
        b=Tensor(FLOATS, 4, (2,), (1,)),
        n=Tensor((LongStorage, "2", 1), 0, (), ()),
    )
    read = pretrained.read_tensors(state_dict(tensors, STORAGES))
    return {"names": list(read)} | {name: values.tolist() for name, values in read.items()}


class Code:
    def __reduce__(self):
        return os.system, ("true",)


def put_weights(lite0):
    """Weights by PyTorch's names and shapes in the layers of lite0."""
    noise = np.random.default_rng(2)
    tensors = {}
    for layer in lite0.layers:
        parts = layer.name.partition("_")
        prefix = f"_blocks.{parts[0][5:]}._{parts[2]}" if layer.name.startswith("block") else f"_{layer.name}"
        if isinstance(layer, keras.layers.BatchNormalization):
            for name in ("weight", "bias", "running_mean", "running_var"):
                tensors[f"{prefix}.{name}"] = noise.normal(size=layer.moving_mean.shape).astype(np.float32)
        elif layer.weights:
            (height, width, inputs, outputs) = layer.weights[0].shape
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            shape = (inputs, outputs, height, width) if depthwise else (outputs, inputs, height, width)
            tensors[f"{prefix}.weight"] = noise.normal(size=shape).astype(np.float32)
    pretrained.put_weights(lite0, tensors)
    stem, depthwise = (lite0.get_layer(name).get_weights()[0] for name in ("conv_stem", "block3_depthwise_conv"))
    statistics = lite0.get_layer("block15_bn2").get_weights()
    return {
        "stem": bool(stem[2, 1, 0, 5] == tensors["_conv_stem.weight"][5, 0, 2, 1]),
        "depthwise": bool(depthwise[4, 1, 7, 0] == tensors["_blocks.3._depthwise_conv.weight"][7, 0, 4, 1]),
        "statistics": all(
            np.array_equal(values, tensors[f"_blocks.15._bn2.{name}"])
            for values, name in zip(statistics, ("weight", "bias", "running_mean", "running_var"), strict=True)
        ),
    }


def lite0_with_another_file(lite0, folder):
    place = folder / "other" / pretrained.PRETRAINED_PACKAGE
    (place / "models").mkdir(parents=True)
    (place / "__init__.py").touch()
    (place / pretrained._FILE).write_bytes(b"other weights")
    sys.path.insert(0, str(place.parent))
    try:
        pretrained.load_lite0(lite0)
    finally:
        sys.path.remove(str(place.parent))


def lite0_without_its_package(lite0):
    """As where the package is not installed, also where it is."""
    find, pretrained.importlib.util.find_spec = pretrained.importlib.util.find_spec, lambda name: None
    try:
        pretrained.load_lite0(lite0)
    finally:
        pretrained.importlib.util.find_spec = find


def backbone(name):
    return efficientnet_lite.build_backbone(name, (32, 32, 3))


def add(case, folder):
    """Adds the cases, which may write into `folder`."""
    lite0 = backbone("efficientnet-lite0")
    case("head", head)
    case("decayed", decayed)
    case("parameters of lite0", lambda: lite0.count_params())
    case("parameters of lite2", lambda: backbone("efficientnet-lite2").count_params())
    case("state dict", read_state_dict)
    case("put weights", lambda: put_weights(lite0))
    case("state dict with code", lambda: pretrained.read_tensors(state_dict(OrderedDict(a=Code()), {})))
    case(
        "state dict out of bounds",
        lambda: pretrained.read_tensors(state_dict(OrderedDict(a=Tensor(FLOATS, 0, (2, 4), (1, 2))), STORAGES)),
    )
    case("lite0 without its package", lambda: lite0_without_its_package(lite0))
    case("lite0 with another file", lambda: lite0_with_another_file(lite0, folder))
    case("place of another file", lambda: str(folder / "other" / pretrained.PRETRAINED_PACKAGE / pretrained._FILE))
    case(
        "lite1 with imagenet weights",
        lambda: models.make_model("efficientnet-lite1", (32, 32, 3), 3, weights="imagenet"),
    )
