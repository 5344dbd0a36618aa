"""Makes source models that carry code or names of files, and reads each as `edgeready convert` does.

Run as: python attack_sources.py FOLDER. In FOLDER/outside lie files that no model may touch; the kernel reports
who does. The current folder, FOLDER/here, holds a module, `trap`, that leaves a file outside when it is imported.
What came of each model is in FOLDER/results.json; those under "libraries alone" went to the libraries without a
check, to show that the traps are armed.

With --confined a process that has given up what `edgeready convert` gives up hands the models to the libraries alone.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import marshal
import os
import resource
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeready_device.isolation.confinement import Confinement, confine, library_folders, without_current

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FOLDER = Path(sys.argv[1])
OUTSIDE, HERE, OWN = FOLDER / "outside", FOLDER / "here", FOLDER / "own"
RESULTS, CONFINED_RESULTS = FOLDER / "results.json", OWN / "results.json"
CONFINED = "--confined" in sys.argv
MEMORY = 8 << 30  # of the confined process, as the job has it
ENDLESS = {"frozen graph: reads records"}  # it waits for a queue
PROTECTIONS: tuple[str, ...] = ()
if CONFINED:  # before numpy starts its threads
    RECORD = json.loads(RESULTS.read_text())
    PATHS = {
        name: outcome["path"]
        for name, outcome in RECORD.items()
        if "path" in outcome and "bomb" not in name and name not in ENDLESS
    }
    os.chdir(HERE)
    sys.path[:] = without_current(sys.path)
    READABLE = (*library_folders(sys.path), *PATHS.values())
    PROTECTIONS = confine(Confinement(READABLE, str(OWN), MEMORY))

# After the confinement, as in the job.
import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from kernel_watch import Watch  # noqa: E402

from edgeready.config.build import SourceConfig  # noqa: E402
from edgeready.errors import EdgereadyError  # noqa: E402
from edgeready.tf import convert  # noqa: E402
from edgeready.tf.sources import Network, load_source  # noqa: E402

TRAP = f"""
open({str(OUTSIDE / "imported")!r}, "w").close()
from keras.layers import Layer
def run(*args, **options): open({str(OUTSIDE / "called")!r}, "w").close(); return args[0]
class Trap(Layer): pass
"""
SECRET, SECRET_H5, WORDS = OUTSIDE / "secret.txt", OUTSIDE / "secret.h5", OUTSIDE / "words.txt"
MADE = str(OUTSIDE / "made")
MODELS: dict[str, Path] = {}
SIZE, CLASSES = 8, 4


def network(library: Any, *extra: Any) -> Any:
    layers = library.layers
    image = library.Input((SIZE, SIZE, 1))
    x = layers.Conv2D(2, 3, activation="relu", name="conv")(image)
    for layer in extra:
        x = layer(x)
    return library.Model(image, layers.Dense(CLASSES, name="dense")(layers.Flatten()(x)))


def named(name: str, suffix: str) -> Path:
    """The path of a new model, which is in the table of MODELS."""
    MODELS[name] = FOLDER / f"{len(MODELS)}{suffix}"
    return MODELS[name]


# --- Keras files: a sound one, whose configuration or parts are changed ---


def archive(name: str, change: Callable[[dict], Any] | None = None, *, base: Path, **parts: bytes) -> None:
    """A .keras file: `base` with its configuration changed, and with other or more parts."""
    with zipfile.ZipFile(base) as source, zipfile.ZipFile(named(name, ".keras"), "w", zipfile.ZIP_DEFLATED) as target:
        config = json.loads(source.read("config.json"))
        text = change(config) if change is not None else None
        contents = {part: source.read(part) for part in source.namelist()}
        contents["config.json"] = text if isinstance(text, bytes) else json.dumps(config).encode()
        for part, data in {**contents, **parts}.items():
            if data:
                target.writestr(part, data)


def hdf5(name: str, change: Callable[[dict], Any], *, base: Path) -> None:
    """An .h5 file: `base` with its configuration changed."""
    path = named(name, ".h5")
    shutil.copy(base, path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        text = change(config)
        file.attrs["model_config"] = text if isinstance(text, bytes) else json.dumps(config).encode()


def layer(config: dict, name: str) -> dict:
    """The layer `name` in a configuration."""
    return next(item for item in config["config"]["layers"] if item["config"]["name"] == name)


def with_field(name: str, field: str, value: Any) -> Callable[[dict], None]:
    return lambda config: layer(config, name)["config"].__setitem__(field, value)


def as_layer(
    class_name: str, module: str | None, fields: dict, registered: str | None = None
) -> Callable[[dict], None]:
    """Puts another layer in the place of `conv`."""

    def change(config: dict) -> None:
        item = layer(config, "conv")
        item.update(
            class_name=class_name, config={"name": "conv", **fields}, registered_name=registered or class_name
        )
        item.pop("build_config", None)
        if module is None:
            item.pop("module", None), item.pop("registered_name", None)
        else:
            item["module"] = module

    return change


def as_call(name: str, options: dict) -> Callable[[dict], None]:
    """A layer of Keras 2 that calls TensorFlow's function `name` with a path; the result does not depend on it."""

    def change(config: dict) -> None:
        item = {"class_name": "TFOpLambda", "name": "call", "config": {"name": "call", "function": name}}
        config["config"]["layers"].insert(1, {**item, "inbound_nodes": [["_CONSTANT_VALUE", -1, MADE, options]]})

    return change


def many_layers(config: dict) -> None:
    config["config"]["layers"] += [{"class_name": "ReLU", "config": {"name": f"relu{i}"}} for i in range(6000)]


def whole(config: dict) -> None:
    """Puts an object of the module `trap` in the place of the whole model."""
    config.update(module="trap", class_name="Trap", config={}, registered_name="Trap")


def function(module: str, name: str, registered: str | None = None) -> dict:
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered or name}


def weights_with(base: Path, change: Callable[[h5py.File], None]) -> bytes:
    """The weights of a .keras file, changed."""
    with zipfile.ZipFile(base) as source:
        data = io.BytesIO(source.read("model.weights.h5"))
    with h5py.File(data, "r+") as file:
        change(file)
    return data.getvalue()


def first_data_set(file: h5py.File) -> str:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names[0]


def replaced(make: Callable[[h5py.File, str], Any]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        name = first_data_set(file)
        del file[name]
        make(file, name)

    return change


def link_out(file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink(str(SECRET_H5), "/secret")


def store_out(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (3, 3, 1, 2), "f4", external=[(str(SECRET), 0, 72)])


def map_out(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((3, 3, 1, 2), "f4")
    layout[...] = h5py.VirtualSource(str(SECRET_H5), "secret", (3, 3, 1, 2))
    file.create_virtual_dataset(name, layout)


def declare(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (1 << 14, 1 << 14), "f4", chunks=(64, 64), compression="gzip")


class Pickled:
    def __reduce__(self):
        return open, (str(OUTSIDE / "unpickled"), "w")


def npz() -> bytes:
    data = io.BytesIO()
    np.savez(data, weights=np.array([Pickled()], dtype=object))
    return data.getvalue()


def nested(levels: int) -> bytes:
    return b'{"class_name": "Functional", "config": ' + b"[" * levels + b"]" * levels + b"}"


def marshalled() -> Any:
    """What a Lambda layer keeps of `lambda image: trap.run(image)`."""
    code = (lambda image: __import__("trap").run(image)).__code__
    return base64.b64encode(marshal.dumps(code)).decode()


# Functions of TensorFlow's API, with what they are called with beside a path; tf_keras calls them at loading.
CALLED = {
    "io.write_file": {"contents": "x"},
    "io.gfile.makedirs": {},
    "io.gfile.rmtree": {},
    "io.read_file": {},
    "load_op_library": {},
    "raw_ops.WriteFile": {"contents": "x"},
    "py_function": {"inp": [], "Tout": "float32"},
    "compat.v1.py_func": {"inp": [], "Tout": "float32"},
    "saved_model.load": {},
    "summary.create_file_writer": {},
    "debugging.experimental.enable_dump_debug_info": {},
}
VOCABULARY = {
    "max_tokens": None,
    "num_oov_indices": 1,
    "mask_token": None,
    "oov_token": "x",
    "vocabulary": str(WORDS),
}


def keras3() -> None:
    base, old = FOLDER / "base.keras", FOLDER / "base.h5"
    model = network(keras)
    model.save(base)
    model.save(old)
    code = {"class_name": "__lambda__", "config": {"value": [marshalled(), None, None]}}

    def put(name: str, change: Callable[[dict], Any], **parts: bytes) -> None:
        archive(f"Keras 3: {name}", change, base=base, **parts)

    put("Lambda with code", as_layer("Lambda", "keras.layers", {"function": code, "arguments": {}}))
    put(
        "Lambda with os.system",
        as_layer("Lambda", "keras.layers", {"function": function("os", "system"), "arguments": {}}),
    )
    put(
        "Lambda with a download",
        as_layer(
            "Lambda", "keras.layers", {"function": function("keras.utils", "get_file"), "arguments": {"origin": "x"}}
        ),
    )
    put("activation with code", with_field("conv", "activation", code))
    put("activation os.system", with_field("conv", "activation", function("os", "system")))
    put("activation of a module here", with_field("conv", "activation", function("trap", "run")))
    put("activation that loads a model", with_field("conv", "activation", function("keras.models", "load_model")))
    put("activation from keras.utils", with_field("conv", "activation", function("keras.utils", "get_file")))
    put("activation of another name", with_field("conv", "activation", function("builtins", "relu", "trap>run")))
    put("model of a module here", whole)
    put("layer of a module here", as_layer("Trap", "trap", {}))
    put("layer of a submodule of keras", as_layer("system", "keras.src.utils.io_utils", {}))
    put("layer of its own package", as_layer("Trap", "keras.layers", {}, registered="Custom>Trap"))
    put(
        "initializer of a module here",
        with_field(
            "conv",
            "kernel_initializer",
            {"module": "trap", "class_name": "Trap", "config": {}, "registered_name": None},
        ),
    )
    put(
        "regularizer of a module here",
        with_field(
            "conv",
            "kernel_regularizer",
            {"module": "trap", "class_name": "Trap", "config": {}, "registered_name": None},
        ),
    )
    put(
        "constraint of a module here",
        with_field(
            "conv",
            "kernel_constraint",
            {"module": "trap", "class_name": "Trap", "config": {}, "registered_name": None},
        ),
    )
    put(
        "type of a module here",
        with_field(
            "conv",
            "activation",
            {
                "class_name": "__typespec__",
                "spec_name": "Trap",
                "module": "trap",
                "registered_name": None,
                "config": [],
            },
        ),
    )
    put(
        "module that is no text",
        with_field(
            "conv",
            "activation",
            {"class_name": "function", "module": ["trap"], "config": "run", "registered_name": "run"},
        ),
    )
    put("class that is no text", with_field("conv", "activation", {"class_name": ["Lambda"], "config": {}}))
    put(
        "loss of a module here, inside",
        lambda config: layer(config, "conv").__setitem__("compile_config", {"loss": function("trap", "run")}),
    )
    put("TFSMLayer", as_layer("TFSMLayer", "keras.layers", {"filepath": str(OUTSIDE)}))
    put("TorchModuleWrapper", as_layer("TorchModuleWrapper", "keras.layers", {"module": "eA=="}))
    put("StringLookup with a file", as_layer("StringLookup", "keras.layers", VOCABULARY))
    put("IntegerLookup with a file", as_layer("IntegerLookup", "keras.layers", {**VOCABULARY, "oov_token": -1}))
    put("TextVectorization with a file", as_layer("TextVectorization", "keras.layers", {"vocabulary": str(WORDS)}))
    put("a part with pickles", lambda config: None, **{"model.weights.h5": b"", "model.weights.npz": npz()})
    put("a part out of the folder", lambda config: None, **{"assets/../../made": b"x"})
    put("a part of another kind", lambda config: None, **{"code.py": b"x"})
    for name, make in (("a link", link_out), ("a place", store_out), ("a map", map_out)):
        put(
            f"weights by {name} out of the file",
            lambda config: None,
            **{"model.weights.h5": weights_with(base, replaced(make))},
        )
    put(
        "bomb: a configuration of 17 MB",
        lambda config: json.dumps({"class_name": "Functional", "config": "x" * (17 << 20)}).encode(),
    )
    put("bomb: a deep configuration", lambda config: nested(100_000))
    put("bomb: a deep configuration that Python still reads", lambda config: nested(200))
    put(
        "bomb: 400,000 values",
        lambda config: json.dumps({"class_name": "Functional", "config": [0] * 400_000}).encode(),
    )
    put(
        "bomb: a number of 5,000 digits",
        lambda config: b'{"class_name": "Functional", "config": ' + b"9" * 5000 + b"}",
    )
    put("bomb: 10**9 units", with_field("dense", "units", 10**9))
    put("bomb: 10**30 units", with_field("dense", "units", 10**30))
    wide = FOLDER / "wide.keras"
    network(keras, keras.layers.UpSampling2D(2, name="up"), keras.layers.GlobalAveragePooling2D()).save(wide)
    archive("Keras 3: bomb: an upsampling by 10**5", with_field("up", "size", [100_000, 100_000]), base=wide)
    archive("Keras 3: bomb: 6,000 layers", many_layers, base=wide)
    put(
        "bomb: weights that are not there",
        lambda config: None,
        **{"model.weights.h5": weights_with(base, replaced(declare))},
    )
    put("bomb: 128 MB of nothing", lambda config: None, **{"model.weights.h5": b"\0" * (128 << 20)})
    put("bomb: 1,001 parts", lambda config: None, **{f"assets/{i}": b"x" for i in range(1001)})

    def put_old(name: str, change: Callable[[dict], Any]) -> None:
        hdf5(f"Keras 3, .h5: {name}", change, base=old)

    put_old("Lambda with code", as_layer("Lambda", "keras.layers", {"function": code, "arguments": {}}))
    put_old("activation os.system", with_field("conv", "activation", function("os", "system")))
    put_old("bomb: a deep configuration", lambda config: nested(10_000))
    put_old("bomb: 10**9 units", with_field("dense", "units", 10**9))
    path = named("Keras 3, .h5: weights by a link out of the file", ".h5")
    shutil.copy(old, path)
    with h5py.File(path, "r+") as file:
        replaced(link_out)(file)


def keras2() -> None:
    base, old = FOLDER / "old.keras", FOLDER / "old.h5"
    model = network(tf_keras)
    model.save(base)
    model.save(old)
    op = {"name": "conv", "attr": {}, "input": []}

    def put(name: str, change: Callable[[dict], Any], **parts: bytes) -> None:
        archive(f"Keras 2, .keras: {name}", change, base=base, **parts)

    def put_old(name: str, change: Callable[[dict], Any]) -> None:
        hdf5(f"Keras 2, .h5: {name}", change, base=old)

    put("model of a module here", whole)
    put("layer of a module here", as_layer("Trap", "trap", {}))
    put("activation of a module here", with_field("conv", "activation", function("trap", "run")))
    put("activation os.system", with_field("conv", "activation", function("os", "system")))
    put(
        "activation by a dotted name",
        with_field("conv", "activation", function("tf_keras.src.utils.io_utils", "os.system")),
    )
    put(
        "type of a module here",
        with_field(
            "conv",
            "activation",
            {
                "class_name": "__typespec__",
                "spec_name": "Trap",
                "module": "trap",
                "registered_name": None,
                "config": [],
            },
        ),
    )
    put("StringLookup with a file", as_layer("StringLookup", "keras.layers", VOCABULARY))
    put("a part with pickles", lambda config: None, **{"model.weights.h5": b"", "model.weights.npz": npz()})
    put(
        "weights by a link out of the file",
        lambda config: None,
        **{"model.weights.h5": weights_with(base, replaced(link_out))},
    )
    put("bomb: 10**9 units", with_field("dense", "units", 10**9))
    code = {"function": [marshalled() + "\n", None, None], "function_type": "lambda", "arguments": {}}
    put_old("Lambda with code", as_layer("Lambda", None, code))
    put_old(
        "Lambda with a function of a module here",
        as_layer("Lambda", None, {"function": "run", "function_type": "function", "module": "trap"}),
    )
    for name, options in CALLED.items():
        put_old(f"tf.{name}", as_call(name, options))
    put_old(
        "the method of a class",
        as_layer("ClassMethod", None, {"cls_symbol": "io.gfile.GFile", "method_name": "read"}),
    )
    put_old("the method of a tensor", as_layer("InstanceMethod", None, {"attr_name": "__class__"}))
    put_old(
        "an op that writes",
        as_layer("TensorFlowOpLayer", None, {"node_def": json.dumps({**op, "op": "WriteFile"}), "constants": {}}),
    )
    put_old(
        "an op that nobody knows", as_layer("TensorFlowOpLayer", None, {"node_def": json.dumps({**op, "op": "Trap"})})
    )
    put_old("StringLookup with a file", as_layer("StringLookup", None, VOCABULARY))
    put_old(
        "a feature with a file",
        as_layer(
            "DenseFeatures",
            None,
            {
                "feature_columns": [
                    {
                        "class_name": "VocabularyFileCategoricalColumn",
                        "config": {"key": "x", "vocabulary_file": str(WORDS)},
                    }
                ]
            },
        ),
    )
    put_old("bomb: 10**9 units", with_field("dense", "units", 10**9))
    path = named("Keras 2, .h5: weights by a link out of the file", ".h5")
    shutil.copy(old, path)
    with h5py.File(path, "r+") as file:
        replaced(link_out)(file)


# --- SavedModels and frozen graphs ---

IMAGE = tf.TensorSpec((1, SIZE, SIZE, 1), tf.float32, name="image")


class Module(tf.Module):
    """Scores of an image, with `effect` on the way."""

    def __init__(self, effect: Callable[[tf.Tensor], tf.Tensor] | None = None):
        super().__init__()
        self.weights = tf.Variable(tf.ones((SIZE * SIZE, CLASSES)))
        self.effect = effect or (lambda image: image)

    @tf.function(input_signature=[IMAGE])
    def scores(self, image):
        return {"scores": tf.reshape(self.effect(image), (1, -1)) @ self.weights}


class AtLoading(tf.saved_model.experimental.TrackableResource):
    """Does `effect` when it is loaded."""

    def __init__(self, effect: Callable[[], Any]):
        super().__init__()
        self.effect = effect

    def _create_resource(self):
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self):
        self.effect()
        return 1


def after(make: Callable[[], Any]) -> Callable[[tf.Tensor], tf.Tensor]:
    def effect(image: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([made] if isinstance(made := make(), (tf.Tensor, tf.Operation)) else []):
            return tf.identity(image)

    return effect


def save(name: str, module: Module) -> Path:
    path = named(f"SavedModel: {name}", "")
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.scores})
    return path


def at_loading(effect: Callable[[], Any]) -> Module:
    module = Module()
    module.resource = AtLoading(effect)
    with contextlib.suppress(AttributeError):
        module.keep = module.resource.resource_handle
    return module


def edit(name: str, base: Path, change: Callable[[Any], None]) -> Path:
    from tensorflow.core.protobuf import saved_model_pb2

    path = named(f"SavedModel: {name}", "")
    shutil.copytree(base, path)
    model = saved_model_pb2.SavedModel()
    model.ParseFromString((path / "saved_model.pb").read_bytes())
    change(model.meta_graphs[0])
    (path / "saved_model.pb").write_bytes(model.SerializeToString())
    return path


def saved_models() -> None:
    secret, text = tf.constant(str(SECRET)), tf.constant("x")
    save("writes a file", Module(after(lambda: tf.io.write_file(MADE, text))))
    save("reads a file", Module(after(lambda: tf.io.read_file(secret))))
    save("lists files", Module(after(lambda: tf.io.matching_files(str(OUTSIDE / "*")))))
    save("prints into a file", Module(after(lambda: tf.print("x", output_stream=f"file://{MADE}"))))
    save("calls Python", Module(lambda image: tf.ensure_shape(tf.py_function(abs, [image], tf.float32), image.shape)))
    save("writes a file when it is loaded", at_loading(lambda: tf.io.write_file(MADE, text)))
    save("reads a file when it is loaded", at_loading(lambda: tf.io.read_file(secret)))
    save(
        "writes a checkpoint when it is loaded",
        at_loading(
            lambda: tf.raw_ops.SaveV2(prefix=MADE, tensor_names=["x"], shape_and_slices=[""], tensors=[tf.ones(1)])
        ),
    )
    save(
        "reads a checkpoint",
        Module(
            after(
                lambda: tf.raw_ops.RestoreV2(
                    prefix=secret, tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
                )[0]
            )
        ),
    )
    save(
        "reads lines of a file",
        Module(after(lambda: tf.raw_ops.TextLineDataset(filenames=[secret], compression_type="", buffer_size=0))),
    )
    save(
        "writes a file in a branch",
        Module(
            lambda image: tf.cond(
                tf.reduce_sum(image) > 0, lambda: after(lambda: tf.io.write_file(MADE, text))(image), lambda: image
            )
        ),
    )
    module = Module()
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(str(WORDS), tf.string, 0, tf.int64, 1, delimiter=" "), -1
    )
    module.table = table
    module.effect = after(lambda: table.lookup(text))
    save("fills a table from a file", module)
    base, plain = FOLDER / "base_saved_model", Module()
    tf.saved_model.save(plain, str(base), signatures={"serving_default": plain.scores})
    edit(
        "has an op that TensorFlow does not know",
        base,
        lambda meta: meta.graph_def.library.function[0].node_def.add(name="trap", op="Trap"),
    )
    edit(
        "has an asset out of the folder",
        base,
        lambda meta: meta.asset_file_def.add(filename="../../outside/words.txt"),
    )
    path = edit("has a symbolic link out of the folder", base, lambda meta: None)
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "words").symlink_to(WORDS)
    path = edit("comes in several parts", base, lambda meta: None)
    (path / "saved_model.cpb").write_bytes(b"x")
    first_generation()


def first_generation() -> None:
    """A SavedModel of TensorFlow 1 that writes a file at its start."""
    v1 = tf.compat.v1
    path = named("SavedModel: of TensorFlow 1, writes a file when it is loaded", "")
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (1, SIZE, SIZE, 1))
        weights = v1.get_variable("w", initializer=tf.ones((SIZE * SIZE, CLASSES)))
        y = tf.reshape(x, (1, -1)) @ weights
        start = tf.io.write_file(MADE, "x")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=start)
        builder.save()


def frozen_graphs() -> None:
    def graph(name: str, effect: Callable[[], Any]) -> None:
        with tf.Graph().as_default() as made:
            x = tf.compat.v1.placeholder(tf.float32, (1, SIZE, SIZE, 1), name="x")
            with tf.control_dependencies([effect()]):
                tf.reshape(tf.identity(x), (1, -1), name="y")
        named(f"frozen graph: {name}", ".pb").write_bytes(made.as_graph_def().SerializeToString())

    graph("writes a file", lambda: tf.io.write_file(MADE, "x"))
    graph("reads a file", lambda: tf.io.read_file(str(SECRET)))
    graph("lists files", lambda: tf.io.matching_files(str(OUTSIDE / "*")))
    graph("prints into a file", lambda: tf.print("x", output_stream=f"file://{MADE}"))
    graph("calls Python", lambda: tf.compat.v1.py_func(abs, [1.0], tf.float32))
    graph("calls Python without a state", lambda: tf.compat.v1.py_func(abs, [1.0], tf.float32, stateful=False))
    graph(
        "reads a checkpoint",
        lambda: tf.raw_ops.RestoreV2(
            prefix=str(SECRET), tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
        )[0],
    )
    graph(
        "reads records",
        lambda: tf.raw_ops.ReaderReadV2(
            reader_handle=tf.raw_ops.WholeFileReaderV2(),
            queue_handle=tf.raw_ops.FIFOQueueV2(component_types=[tf.string]),
        )[0],
    )


COMPILED = {
    "compiled.keras": keras,
    "compiled.h5": keras,
    "old_compiled.keras": tf_keras,
    "old_compiled.h5": tf_keras,
}


def compiled(library: Any) -> Any:
    """A network compiled with a schedule, and a loss and a metric of its own: a conversion needs none of them."""

    def own_loss(truth: Any, scores: Any) -> Any:
        return library.losses.sparse_categorical_crossentropy(truth, scores) * 2.0

    class OwnMetric(library.metrics.Mean):
        """A metric that no library knows."""

    schedule = library.optimizers.schedules.CosineDecay(0.01, 10)
    inner = library.Sequential([library.layers.Flatten(), library.layers.Dense(CLASSES)])
    model = library.Sequential([library.Input((SIZE, SIZE, 1)), inner])
    model.compile(library.optimizers.Adam(schedule), own_loss, metrics=[OwnMetric(name="own")])
    return model


def sound() -> dict[str, Path]:
    """Models with nothing against them, of every kind, some with what looks like something."""
    image = tf_keras.Input((SIZE, SIZE, 1))
    x = tf.nn.relu6(tf.concat([image, image + 1.0], -1) * 2.0)[:, 1:, :, :]
    x = tf.math.subtract(tf.reduce_mean(x, axis=[1, 2]), 0.5)
    ops = FOLDER / "ops.h5"
    tf_keras.Model(image, tf_keras.layers.Dense(CLASSES)(x)).save(ops)
    image = keras.Input((SIZE, SIZE, 1))
    x = keras.ops.relu6(keras.ops.concatenate([image, image + 1.0], axis=-1))
    x = keras.layers.Dropout(0.1)(x)
    x = keras.layers.Conv2D(
        2,
        3,
        kernel_regularizer="l2",
        kernel_constraint=keras.constraints.MaxNorm(2),
        activation=keras.activations.gelu,
    )(x)
    layers = FOLDER / "layers.keras"
    model = keras.Model(image, keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(x)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(layers)
    for name, library in COMPILED.items():
        compiled(library).save(FOLDER / name)
    exported = FOLDER / "exported"
    model.export(exported, verbose=False)
    with tf.Graph().as_default() as graph:
        tf.reshape(tf.compat.v1.placeholder(tf.float32, (1, SIZE, SIZE, 1), name="x") * 2.0, (1, -1), name="y")
    frozen = FOLDER / "frozen.pb"
    frozen.write_bytes(graph.as_graph_def().SerializeToString())
    names = ("base.keras", "base.h5", "old.keras", "old.h5", "base_saved_model", *COMPILED)
    return {path.name: path for path in (*(FOLDER / name for name in names), ops, layers, exported, frozen)}


# --- reading them ---


def read(path: Path) -> str:
    """Reads, freezes and converts as the job does; the network's name."""
    network = load_source(str(path), SourceConfig())
    function = network.function if isinstance(network, Network) else convert.freeze(network)
    convert.to_float32(function, SourceConfig())
    return network.name


def read_alone(name: str, path: Path) -> None:
    """Reads as the libraries do by themselves, safe mode where they have one, and converts."""
    if path.is_dir():
        tf.saved_model.load(str(path))
    elif path.suffix == ".pb":
        graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
        with tf.Graph().as_default() as whole:
            tf.import_graph_def(graph, name="")
            with tf.compat.v1.Session(graph=whole) as session:
                session.run("y:0", {"x:0": np.zeros((1, SIZE, SIZE, 1))})
    else:
        library = keras if name.startswith("Keras 3") else tf_keras
        library.models.load_model(path, compile=False)


ALONE = (
    "SavedModel: writes a file when it is loaded",
    "SavedModel: of TensorFlow 1, writes a file when it is loaded",
    "frozen graph: writes a file",
    "Keras 2, .keras: model of a module here",
    "Keras 2, .h5: tf.io.gfile.makedirs",
    "Keras 2, .h5: StringLookup with a file",
)


def main() -> None:
    for folder in (OUTSIDE, HERE, OWN):
        folder.mkdir()
    os.chdir(HERE)
    sys.path.insert(0, str(HERE))
    (HERE / "trap.py").write_text(TRAP)
    with h5py.File(SECRET_H5, "w") as file:
        file["secret"] = np.ones((3, 3, 1, 2), "f4")
    SECRET.write_text("secret" * 20)
    WORDS.write_text("a 1\nb 2\n")
    for make in (keras3, keras2, saved_models, frozen_graphs):
        make()
    watch, results = Watch(OUTSIDE, HERE), {}
    watch.events()
    events = Attempts()
    for name, path in MODELS.items():
        started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            outcome = {"value": read(path)}
        except EdgereadyError as error:
            outcome = {"error": type(error).__name__, "code": error.exit_code, "text": str(error)}
        except BaseException as error:  # noqa: BLE001  (the test wants to know which model it was)
            outcome = {"error": type(error).__name__, "text": str(error)}
        outcome["seconds"] = time.monotonic() - started
        outcome["added_bytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        outcome["touched"] = watch.events() + events.taken()
        outcome["path"] = str(path)
        results[name] = outcome
    for name in ALONE:
        with contextlib.suppress(Exception):
            read_alone(name, MODELS[name])
        results[f"libraries alone: {name}"] = {"touched": watch.events() + events.taken()}
        tidy()
        watch.events()
    for name, path in sound().items():
        results[f"sound: {name}"] = {"value": read(path), "touched": watch.events() + events.taken()}
    RESULTS.write_text(json.dumps(results))


def tidy() -> None:
    """Removes what an attack has left, so that the next one leaves it anew."""
    for path in (Path(MADE), OUTSIDE / "imported", OUTSIDE / "called"):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def confined() -> None:
    """Hands every model to the libraries; what came of it is in the own folder."""
    outcomes = {}
    first = (
        *ALONE,
        *(name for name in PATHS if "dump_debug" not in name),
    )  # that one changes TensorFlow for all others
    for name, path in {name: PATHS[name] for name in (*first, *PATHS)}.items():
        started = time.monotonic()
        try:
            read_alone(name, Path(path))
            outcome = "loaded"
        except BaseException as error:  # noqa: BLE001  (whatever they raise)
            outcome = type(error).__name__
        outcomes[name] = [outcome, time.monotonic() - started]
        CONFINED_RESULTS.write_text(json.dumps([PROTECTIONS, outcomes]))  # each time: one may end the process


class Attempts:
    """The programs, sockets and modules of ours that Python was asked for."""

    def __init__(self):
        self.names: list[str] = []
        sys.addaudithook(self.note)

    def note(self, event: str, arguments: tuple) -> None:
        if event in (
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "subprocess.Popen",
            "socket.connect",
            "socket.getaddrinfo",
        ):
            self.names.append(event)
        elif event == "import" and arguments[0] == "trap":
            self.names.append("import trap")

    def taken(self) -> list[str]:
        names, self.names = self.names, []
        return names


if __name__ == "__main__":
    confined() if CONFINED else main()
