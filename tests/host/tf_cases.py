"""Asks edgeready.tf many questions in one process and writes the answers to cases.json in the folder given.

A case is a function without arguments: its value is kept as {"value": ...}, an error that it raises as
{"error": class name, "text": message, "code": exit code or None}.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path

import edgeready.tf  # noqa: F401  # isort: skip  (first, as in TensorFlow's child process: it decides what Keras loads)
import keras
import numpy as np
import resume_cases
import tensorflow as tf
import transfer_cases

from edgeready.config.build import NetworkConfig, SourceConfig, TrainConfig
from edgeready.config.method import Method, QatConfig
from edgeready.config.networks import SCALABLE_NETWORKS
from edgeready.jobs.converter_log import refusal
from edgeready.jobs.job import Job
from edgeready.jobs.network_cost import CostJob, NetworkPlan
from edgeready.jobs.training import TrainingFiles
from edgeready.quantization.conventions import Convention, answer_classes
from edgeready.tf import applications, architectures, convert, fit_input, inner_scale, models, train
from edgeready.tf.costs import estimate_costs
from edgeready.tf.efficientnet_lite import LITE_NETWORKS
from edgeready.tf.make import make
from edgeready_device.normalization import Normalization
from edgeready_device.progress import no_progress

folder = Path(sys.argv[1])
UNIT = Convention(name="unit", normalization=Normalization())
NETS = Path(__file__).parent / "nets.py"
CASES = {}
LOADED = [name for name in ("cv2", "matplotlib", "sklearn") if name in sys.modules]


def case(name, action):
    CASES[name] = action


def net(function, frame=(12, 12), classes=3):
    return models.make_model(f"{NETS}:{function}", frame, classes)


def shape_of(named):
    layers = [type(layer).__name__ for layer in named.model.layers]
    return {"layers": layers, "parameters": named.model.count_params(), "scores": models.output_kind(named.model)}


def describe_width(name, frame, alpha):
    named = models.make_model(name, frame, 10, alpha=alpha)
    images = [layer.output.shape[1:] for layer in named.model.layers if len(layer.output.shape) == 4]
    return {
        "name": named.name,
        "parameters": named.model.count_params(),
        "first": list(images[1]),
        "last": list(images[-1]),
    }


case("loaded with TensorFlow", lambda: LOADED)
case("imported afterwards", lambda: import_module("sklearn.datasets").load_digits.__name__)
for name in SCALABLE_NETWORKS:
    case(f"{name} of half the width", lambda name=name: describe_width(name, (32, 32, 3), 0.5))
    case(f"{name} 7", lambda name=name: models.make_model(name, (7, 50), 10))
case("small-resnet as it is", lambda: describe_width("small-resnet", (32, 32, 3), None))
case("small-mobilenet of a photo", lambda: describe_width("small-mobilenet", (64, 48), 0.1))
for name in set(architectures.ARCHITECTURES) - set(SCALABLE_NETWORKS):
    case(f"{name} 28x28", lambda name=name: shape_of(models.make_model(name, (28, 28), 10)))
    for size in (3, 4, 9, 10, 17, 18):
        case(f"{name} {size}", lambda name=name, size=size: models.make_model(name, (size, 50), 10).name)
case("cifar-cnn 32x32x3", lambda: shape_of(models.make_model("cifar-cnn", (32, 32, 3), 10)))
case("tutorial-cnn keeps rank", lambda: list(models.make_model("tutorial-cnn", (28, 28), 10).model.inputs[0].shape))
case("dropout-cnn adds an axis", lambda: list(models.make_model("dropout-cnn", (28, 28), 10).model.inputs[0].shape))

case("unknown name", lambda: models.make_model("resnet-1000", (32, 32), 10))
case("weights with a tutorial", lambda: models.make_model("tutorial-cnn", (32, 32), 10, weights="imagenet"))
case(
    "known applications",
    lambda: [hasattr(keras.applications, a.function) for a in applications.APPLICATIONS.values()],
)
case(
    "normalizations",
    lambda: {n: a.normalization.mean + a.normalization.std for n, a in applications.APPLICATIONS.items()},
)
case("mobilenet on grey", lambda: models.make_model("mobilenet", (32, 32), 3))
case("mobilenet on one channel", lambda: models.make_model("mobilenet", (32, 32, 1), 3))
case("mobilenet too small", lambda: models.make_model("mobilenet", (31, 64, 3), 3))
case("inception too small", lambda: models.make_model("inception-v3", (74, 75, 3), 3))
case("weights missing", lambda: models.make_model("mobilenet", (32, 32, 3), 3, weights="none.weights.h5"))

(folder / "text.weights.h5").write_text("no weights")
(folder / "text.txt").write_text("no weights")
case(
    "weights of text", lambda: models.make_model("mobilenet", (32, 32, 3), 3, weights=str(folder / "text.weights.h5"))
)
case(
    "weights by another name",
    lambda: models.make_model("mobilenet", (32, 32, 3), 3, weights=str(folder / "text.txt")),
)
keras.utils.set_random_seed(3)
backbone = keras.applications.MobileNet(input_shape=(32, 32, 3), include_top=False, weights=None, pooling="avg")
for layer in backbone.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.momentum = 0.0
backbone(np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 3)), training=True)  # gives features of a sane size
backbone.save_weights(folder / "mobilenet.weights.h5")
narrow = keras.applications.MobileNet(input_shape=(32, 32, 3), include_top=False, weights=None, alpha=0.25)
narrow.save_weights(folder / "narrow.weights.h5")
net("plain").model.save_weights(folder / "small.weights.h5")
NARROW = str(folder / "narrow.weights.h5")


def narrow_transfer():
    named = models.make_model("mobilenet", (32, 32, 3), 3, weights=NARROW, alpha=0.25)
    pairs = zip(named.backbone.get_weights(), narrow.get_weights(), strict=True)
    return [named.name, named.model.count_params(), all(np.array_equal(a, b) for a, b in pairs)]


def keras_multiplications(name, frame, alpha):
    """Output values times products of each, by Keras' layers."""
    model = models.make_model(name, frame, 3, alpha=alpha).model
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            yield int(np.prod(layer.output.shape[1:]) * np.prod(layer.kernel.shape[:2]))
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            yield int(np.prod(layer.output.shape[1:]) * np.prod(layer.kernel.shape[:-1]))


def estimate(*rows):
    plans = [
        NetworkPlan(model=model, alpha=alpha, frame=frame, classes=classes) for model, alpha, frame, classes in rows
    ]
    return [cost.to_dict() for cost in estimate_costs(CostJob(plans=tuple(plans)), no_progress).costs]


def bytes_of_a_trained_one():
    pixels = np.random.default_rng(4).integers(0, 256, (20, 8, 8), np.uint8)
    job = Job(
        model="tutorial-cnn",
        classes=4,
        images=pixels,
        calibration=pixels,
        labels=np.arange(20) % 4,
        train=TrainConfig(epochs=1),
    )
    keras.backend.clear_session()  # as in a process of its own: Keras numbers the names of a second network
    return len(make(job, read_log=str, progress=no_progress).models["uint8"].flatbuffer)


SMALL_V3 = "mobilenet-v3-small-minimalistic"
case("narrow transfer", narrow_transfer)
case("weights of another width", lambda: models.make_model("mobilenet", (32, 32, 3), 3, weights=NARROW, alpha=0.5))
case("unknown width", lambda: models.make_model("resnet50-v2", (32, 32, 3), 3, alpha=0.5))
case("networks of Keras", lambda: sorted(set(applications.APPLICATIONS) - set(LITE_NETWORKS)))
case("Keras' multiplications", lambda: list(keras_multiplications(SMALL_V3, (32, 32, 3), 0.5)))
case("bytes of the grey one", bytes_of_a_trained_one)
case(
    "costs",
    lambda: estimate(
        (SMALL_V3, 0.5, (32, 32, 3), 3),
        ("tutorial-cnn", None, (8, 8, 1), 4),
        ("mobilenet", None, (31, 32, 3), 3),
        ("tutorial-cnn", None, (32, 32, 3), 10),
    ),
)
for wrong in ("narrow", "small"):
    file = str(folder / f"{wrong}.weights.h5")
    case(f"weights of {wrong}", lambda file=file: models.make_model("mobilenet", (32, 32, 3), 3, weights=file))


def transfer():
    named = models.make_model("mobilenet", (32, 32, 3), 3, weights=str(folder / "mobilenet.weights.h5"))
    (inner,) = [layer for layer in named.model.layers if isinstance(layer, keras.Model)]
    same = [np.array_equal(a, b) for a, b in zip(inner.get_weights(), backbone.get_weights(), strict=True)]
    return {
        "same": all(same),
        "count": len(same),
        "trainable": [v.path.split("/")[-1] for v in named.model.trainable_variables],
    }


case("transfer", transfer)


transfer_cases.add(case, folder)
resume_cases.add(case, folder)
case("from scratch", lambda: len(models.make_model("mobilenet", (32, 32, 3), 3).model.trainable_variables))


def momenta(weights):
    """The momenta of the batch normalization of a backbone."""
    model = models.make_model("mobilenet", (32, 32, 3), 3, weights=weights).model
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    return sorted({layer.momentum for layer in layers})


case("momenta", lambda: [momenta(None), momenta(str(folder / "mobilenet.weights.h5"))])

for function in (
    "plain fixed feature_map regression seven two_inputs two_outputs other_size raises leaves nonsense nothing "
    "unbuilt subclassed wants_more not_a_function missing logits softmax_layer softmax_activation softmax_function "
    "softmax_nested softmax_in_a_row"
).split():
    case(f"net {function}", lambda function=function: shape_of(net(function))["scores"])
for function in ("sigmoid", "one_logit"):
    case(f"net {function}", lambda function=function: shape_of(net(function, classes=2))["scores"])
case("flat scores", lambda: list(net("softmax_in_a_row").model.outputs[0].shape))


def trained_on_two(function, qat=None):
    """How often a network with one output is right after a training, about images that are dark or bright."""
    labels = np.arange(64) % 2
    images = (np.random.default_rng(0).integers(0, 60, (64, 12, 12)) + 190 * labels[:, None, None]).astype(np.uint8)
    job = Job(
        model=f"{NETS}:{function}",
        classes=2,
        images=images,
        labels=labels,
        calibration=images,
        train=TrainConfig(epochs=4, batch_size=8, learning_rate=0.01),
        method=Method(qat=qat),
    )
    result = make(job, read_log=str, progress=no_progress)
    return [result.scores, int((answer_classes(result.float32, images, UNIT) == labels).sum())]


case("train sigmoid", lambda: trained_on_two("sigmoid"))
case("train one_logit", lambda: trained_on_two("one_logit"))
case("train sigmoid in 8 bits", lambda: trained_on_two("sigmoid", QatConfig(epochs=1)))
case("no such file", lambda: models.make_model("none.py:make", (12, 12), 3))
case("no python file", lambda: models.make_model(f"{folder / 'text.txt'}:make", (12, 12), 3))
for name, source in {
    "does not parse": "def make(:",
    "does not import": "import nothing_of_that_name",
    "exits": "raise SystemExit(0)",
    "says too much": "raise ValueError('many_words,' * 1500 + chr(10) + 'and a line')",
}.items():
    file = folder / f"{name.replace(' ', '_')}.py"
    file.write_text(source)
    case(f"file {name}", lambda file=file: models.make_model(f"{file}:make", (12, 12), 3))

net("plain").model.save(folder / "plain.keras")
net("plain").model.save(folder / "plain.h5")
whole = (folder / "plain.keras").read_bytes()
(folder / "cut.keras").write_bytes(whole[: len(whole) // 2])
(folder / "text.keras").write_text("no model")
(folder / "empty.keras").write_bytes(b"")
(folder / "text.h5").write_text("no model")
(folder / "folder.keras").mkdir()
keras.Sequential([keras.Input((12, 12)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Flatten()]).save(
    folder / "lambda.keras"
)


class Strange(keras.layers.Layer):
    def call(self, x):
        return x


keras.Sequential([keras.Input((12, 12)), Strange(), keras.layers.Flatten(), keras.layers.Dense(3)]).save(
    folder / "strange.keras"
)
for file in (
    "plain.keras plain.h5 cut.keras text.keras empty.keras text.h5 folder.keras lambda.keras strange.keras "
    "small.weights.h5 none.keras text.txt"
).split():
    case(f"load {file}", lambda file=file: shape_of(models.load_model(str(folder / file), (12, 12), 3))["scores"])
case("load for other images", lambda: models.load_model(str(folder / "plain.keras"), (14, 12), 3))
case("load for RGB", lambda: models.load_model(str(folder / "plain.keras"), (12, 12, 3), 3))
case("load for one channel", lambda: models.load_model(str(folder / "plain.keras"), (12, 12, 1), 3).name)
case("load for other classes", lambda: models.load_model(str(folder / "plain.keras"), (12, 12), 4))
case("freeze any size", lambda: list(convert.freeze(net("any_size").model).inputs[0].shape))

images = np.arange(2 * 12 * 12, dtype=np.uint8).reshape(2, 12, 12)
case("fitting: adds an axis", lambda: list(train.match_rank(net("any_size").model, images).shape))
case("fitting: drops an axis", lambda: list(train.match_rank(net("plain").model, images[..., None]).shape))
case("fitting: leaves alone", lambda: list(train.match_rank(net("plain").model, images).shape))


def losses(seed):
    """The losses of two epochs, by all that TensorFlow's child process does for a job."""
    noise = np.random.default_rng(5).integers(0, 256, (64, 12, 12), dtype=np.uint8)
    job = Job(
        model=f"{NETS}:plain",
        classes=3,
        images=noise,
        labels=np.arange(64) % 3,
        calibration=noise[:8],
        train=TrainConfig(epochs=2, seed=seed),
    )
    return make(job, read_log=str, progress=no_progress).losses


case("losses of seed 1", lambda: losses(1))
case("losses of seed 1, again", lambda: losses(1))
case("losses of seed 2", lambda: losses(2))


def curves_in(run):
    """The values by tag that TensorBoard shows of a run: [[step, value], ...]."""
    values = {}
    (file,) = run.glob("events.out.tfevents.*")
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            values.setdefault(value.tag, []).append([event.step, value.simple_value])
    return values


def validated(name, **options):
    """Epochs on noise, which no network can learn: their figures, and the loss of the weights that were kept."""
    train.seed_everything(3)
    noise = np.random.default_rng(6).integers(0, 256, (96, 12, 12), dtype=np.uint8)
    labels = np.arange(96, dtype=np.int64) % 3
    named, log, curves = net("plain"), folder / f"{name}.csv", folder / "curves" / name
    judges = (noise[64:], labels[64:])
    config = TrainConfig(learning_rate=0.005, **options)
    epochs = train.train(
        named,
        noise[:64],
        labels[:64],
        config,
        validation=judges,
        files=TrainingFiles(log=str(log), curves=str(curves)),
    )
    scores = np.asarray(named.model(noise[64:].astype(np.float32) / 255, training=False))
    loss = -np.log(scores[np.arange(32), labels[64:]]).mean()
    return {
        "epochs": [vars(epoch) for epoch in epochs],
        "loss": float(loss),
        "log": log.read_text("utf-8"),
        "curves": {run.name: curves_in(run) for run in curves.iterdir()},
    }


def unsaved(**options):
    """Trains a network that Keras cannot save, for no file of it, or for one."""
    noise = np.random.default_rng(5).integers(0, 256, (8, 12, 12), dtype=np.uint8)
    job = Job(
        model=f"{NETS}:not_saved",
        classes=3,
        images=noise,
        labels=np.arange(8) % 3,
        calibration=noise,
        train=TrainConfig(epochs=1),
        modes=("float32",),
        **options,
    )
    result = make(job, read_log=str, progress=no_progress)
    return {"keras": len(result.keras), "modes": list(result.models)}


def kept_keras():
    """What is in the folder of a training whose conversion fails."""
    noise = np.random.default_rng(5).integers(0, 256, (64, 12, 12), dtype=np.uint8)
    kept = folder / "kept" / "model.keras"
    job = Job(
        model=f"{NETS}:layer_normalization",
        classes=3,
        images=noise,
        labels=np.arange(64) % 3,
        calibration=noise[:8],
        train=TrainConfig(epochs=1),
        files=TrainingFiles(keras=str(kept)),
        network=NetworkConfig(fix=False),
        modes=("uint8",),
    )
    result = make(job, read_log=str, progress=no_progress)
    files = [path.name for path in kept.parent.iterdir()]
    again = kept.with_name("again.keras")  # the two are written at different times, which is in their metadata
    again.write_bytes(result.keras)
    weights = [keras.models.load_model(path).get_weights() for path in (kept, again)]
    return {"kept": all(np.array_equal(*pair) for pair in zip(*weights, strict=True)), "files": files}


case("validated", lambda: validated("all", epochs=6))
case("patient", lambda: validated("patient", epochs=6, patience=1))
case("open", lambda: validated("open", patience=3))
case("weights of classes", lambda: train.balanced_weights(np.array([0, 0, 0, 2, 1, 0])))
case("kept before the conversion", kept_keras)
case("not saved", unsaved)
case("not saved, and asked for", lambda: unsaved(files=TrainingFiles(keras=str(folder / "none.keras"))))


L = keras.layers
KERNEL = L.Conv2D(2, 3)
ADAPTED = L.Normalization(axis=None, mean=120.0, variance=3000.0)


def nested():
    inside = keras.Sequential([keras.Input((8, 8, 3)), L.Rescaling(1 / 127.5, offset=-1), L.Conv2D(2, 3)])
    return [inside]


def by_operations(pixels):
    return L.Conv2D(2, 3)(keras.ops.subtract(keras.ops.divide(pixels, 127.5), 1.0))


def without_means(pixels):
    return L.Conv2D(2, 3)(pixels - np.array([103.9, 116.8, 123.7], np.float32))


FRONTS = {
    "none": [KERNEL],
    "rescaling": [L.Rescaling(1 / 255), L.Conv2D(2, 3)],
    "augmented": [L.RandomFlip(), L.Rescaling(1 / 255), L.Conv2D(2, 3)],
    "resized": [L.Resizing(6, 6), L.Rescaling(1 / 127.5, offset=-1), L.Conv2D(2, 3)],
    "resized only": [L.Resizing(6, 6), L.Conv2D(2, 3)],
    "adapted": [ADAPTED, L.Conv2D(2, 3)],
    "from -1 on": [L.Rescaling(2.0, offset=-1), L.Conv2D(2, 3)],
    "behind a convolution": [L.Conv2D(2, 3), L.Rescaling(1 / 255), L.Conv2D(2, 3)],
    "nested": nested(),
}
for name, front in FRONTS.items():
    case(
        f"pixels of {name}",
        lambda front=front: inner_scale.inner_normalization(keras.Sequential([keras.Input((8, 8, 3)), *front])).std,
    )
for action in (by_operations, without_means):
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, action(pixels))
    case(f"pixels of {action.__name__}", lambda model=model: inner_scale.inner_normalization(model).std)


def fitted(model, frame):
    """What a network takes after it was fitted to frames, and whether it says what it said before."""
    sizes = [size or has for size, has in zip(model.inputs[0].shape[1:], (*frame, 1))]
    before = np.random.default_rng(0).integers(0, 256, (2, *sizes)).astype(np.float32)
    network = fit_input.fit_keras(model, frame, "net")
    shape = tuple(network.inputs[0].shape[1:])
    channels_first = len(sizes) == 3 and tuple(sizes) != shape
    pictures = before.transpose(0, 2, 3, 1) if channels_first else before.reshape(2, *shape)
    expected = model(before.astype(model.inputs[0].dtype), training=False)
    same = np.allclose(network(pictures, training=False), expected, rtol=0.01)
    if None not in model.inputs[0].shape[1:] and model.inputs[0].dtype == "float32":
        function = fit_input.fit_function(convert.freeze(model), frame)
        (answer,) = function.prune(function.inputs, function.outputs)(
            tf.constant(pictures[:1].reshape(function.inputs[0].shape))
        )
        same = same and np.allclose(answer, expected[:1], rtol=0.01)
    return [list(shape), network.inputs[0].dtype, bool(same), network is model]


def sequential(*layers, image=(6, 6), **options):
    return keras.Sequential([keras.Input(image, **options), *layers])


def half():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        return sequential(L.Conv2D(2, 3), L.Flatten(), L.Dense(3, dtype="float32"), image=(6, 6, 1))
    finally:
        keras.mixed_precision.set_global_policy("float32")


for name, frame, make_net in (
    ("as it is", (6, 6), lambda: sequential(L.Flatten(), L.Dense(3))),
    ("flat", (4, 6), lambda: sequential(L.Dense(3), image=(24,))),
    ("flat colours", (2, 4, 3), lambda: sequential(L.Dense(3), image=(24,))),
    ("channels first", (4, 6, 3), lambda: sequential(L.Flatten(), L.Dense(3), image=(3, 4, 6))),
    ("channel first", (4, 6), lambda: sequential(L.Flatten(), L.Dense(3), image=(1, 4, 6))),
    ("open", (6, 8, 3), lambda: sequential(L.Conv2D(2, 3), L.GlobalMaxPooling2D(), image=(None, None, 3))),
    ("half precision", (6, 6), half),
    ("of bytes", (6, 6), lambda: sequential(L.Flatten(), L.Dense(3), dtype="uint8")),
):
    case(f"fit {name}", lambda frame=frame, make_net=make_net: fitted(make_net(), frame))
case("fit another size", lambda: fit_input.fit_keras(sequential(L.Flatten()), (5, 5), "net").inputs[0].shape[1:])


def recurrent():
    """What is said of an LSTM in a SavedModel, and how far it is from its float32 file after the manual's remedy."""
    model = keras.Sequential([keras.Input((3, 2)), L.LSTM(2)])
    model.export(folder / "lstm", verbose=False)
    network = models.load_model(str(folder / "lstm"), None, 0)
    try:
        convert.to_float32(network.function, SourceConfig())
    except Exception as error:  # noqa: BLE001  (TensorFlow's own class)
        said = str(refusal(1, str(error), "converting"))
    manual = (Path(__file__).parents[2] / "docs" / "quantization.md").read_text("utf-8")
    names = {}
    exec(re.search(r"```python\n(import keras\n.*?)```", manual, re.DOTALL)[1], names)
    float32 = convert.to_float32(convert.freeze(names["unrolled"](model)), SourceConfig())
    interpreter = tf.lite.Interpreter(model_content=float32)
    interpreter.allocate_tensors()
    steps = np.random.default_rng(6).normal(size=(1, 3, 2)).astype(np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], steps)
    interpreter.invoke()
    scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    ops = {op["op_name"] for op in interpreter._get_ops_details()}
    return {
        "said": said,
        "difference": float(np.abs(scores - np.asarray(model(steps))).max()),
        "loops": sorted(ops & {"WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM"}),
    }


case("recurrent", recurrent)


def answer(action):
    try:
        return {"value": action()}
    except Exception as error:  # noqa: BLE001  (the tests look at its class)
        return {"error": type(error).__name__, "text": str(error), "code": getattr(error, "exit_code", None)}


answers = {name: answer(action) for name, action in CASES.items()}
(folder / "cases.json").write_text(json.dumps(answers, default=str), "utf-8")
