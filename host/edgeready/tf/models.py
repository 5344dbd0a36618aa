"""Builds or loads the Keras model that the user names: an architecture, FILE.py:FUNCTION, or a saved model."""

from __future__ import annotations

import importlib.util
import inspect
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from edgeready.config.build import SourceConfig
from edgeready.config.networks import SCALABLE_NETWORKS, check_width, network_name, require_network
from edgeready.engine.sources import check_function_file
from edgeready.errors import EdgereadyError, ModelSourceError, TrainingError, fit_reason
from edgeready.jobs.job import UNIT
from edgeready.quantization.inputs import check_scores, frame_mismatch
from edgeready.tf.applications import APPLICATIONS, build_application, normalization_of
from edgeready.tf.architectures import ARCHITECTURES, Shape, check_smallest
from edgeready.tf.fit_input import fit_function, fit_keras
from edgeready.tf.inner_scale import inner_normalization
from edgeready.tf.sources import Network, load_source
from edgeready_device.normalization import Normalization

_TORCH = "for a network of PyTorch give --torch-python PYTHON, an interpreter that has it"
_PASS_SCORES_ON = ("Reshape", "Flatten", "Dropout", "Squeeze", "Identity", "GetItem")


@dataclass(frozen=True)
class NamedModel:
    """A Keras model, its name, and the normalization of its input; the `backbone` in it whose weights are frozen."""

    name: str
    model: keras.Model
    normalization: Normalization
    backbone: keras.Model | None = None


def make_model(
    name: str,
    frame: Shape,
    classes: int,
    *,
    weights: str | None = None,
    normalization: Normalization | None = None,
    alpha: float | None = None,
) -> NamedModel:
    """Returns the untrained model `name` for frames of the shape `frame` (height, width[, channels]) and `classes`.

    `alpha` is its width, for a network that comes in several. Raises ModelSourceError for an unknown name, a function
    that fails, or a network that does not fit.
    """
    if ":" in name:
        built = _from_function(name, frame, classes)
    elif name in APPLICATIONS:
        built = build_application(name, frame, classes, weights, alpha=alpha)
    else:
        require_network(name)
        entry = ARCHITECTURES[name]
        check_smallest(name, frame)
        image = frame if entry.keeps_rank or len(frame) == 3 else (*frame, 1)
        width = (1.0 if alpha is None else alpha,) if name in SCALABLE_NETWORKS else ()
        built = entry.build(image, classes, *width)
    if name not in APPLICATIONS:
        check_width(name, alpha)
        if weights is not None:
            raise ModelSourceError(f"--weights goes with {', '.join(APPLICATIONS)}, not with {name}")
    if ":" in name:
        built = fit_keras(built, frame, name)
    check_classifier(built, name, frame, classes=classes)
    own = inner_normalization(built) if ":" in name else normalization_of(name)
    backbone = None if weights is None else next(layer for layer in built.layers if isinstance(layer, keras.Model))
    title = network_name(name.rpartition(":")[2], alpha)
    return NamedModel(title, _with_flat_scores(built), normalization or own, backbone)


def _with_flat_scores(model: keras.Model) -> keras.Model:
    """Returns `model` with scores (batch, classes), which the losses of a training take."""
    scores = model.outputs[0]
    if len(scores.shape) == 2:
        return model
    return keras.Model(model.inputs, keras.layers.Reshape((scores.shape[-1],))(scores), name=model.name)


def load_model(
    source: str,
    frame: Shape | None,
    classes: int,
    normalization: Normalization | None = None,
    settings: SourceConfig | None = None,
    *,
    fix: bool = True,
) -> NamedModel | Network:
    """Returns the trained model in `source`, FILE.py:FUNCTION or a saved model; a Network for other kinds.

    With `fix` a float32 .tflite is rewritten for 8 bits, and what an ONNX model becomes. With `frame` None any model
    will do, and a function is called without shape and classes.

    Raises ModelSourceError when the model cannot be read or does not fit.
    """
    if ".py:" in source:
        if frame is not None:
            return make_model(source, frame, classes, normalization=normalization)
        model = _from_function(source, None, 0)
        return NamedModel(source.rpartition(":")[2], model, normalization or UNIT)
    network = load_source(source, settings or SourceConfig(), frame, fix=fix)
    if isinstance(network, Network):
        if frame is None or network.function is None:
            return network
        return replace(network, function=fit_function(network.function, frame))
    if not getattr(network, "inputs", None):
        raise ModelSourceError(_no_inputs(source))
    normalization = normalization or inner_normalization(network)
    if frame is not None:
        network = fit_keras(network, frame, source)
        check_classifier(network, source, frame, classes=classes)
    return NamedModel(Path(source).stem, network, normalization)


def output_kind(model: keras.Model) -> str:
    """Returns "probabilities" for a model that ends in a softmax or a sigmoid in any form, else "logits".

    Layers that only reshape may follow.
    """
    last = model.outputs[0]._keras_history.operation
    while True:
        if isinstance(last, keras.Model) and getattr(last, "outputs", None):
            last = last.outputs[0]._keras_history.operation
        elif type(last).__name__ in _PASS_SCORES_ON and last._inbound_nodes:
            last = last._inbound_nodes[0].input_tensors[0]._keras_history.operation
        else:
            break
    names = {getattr(getattr(last, "activation", None), "__name__", ""), type(last).__name__.lower()}
    return "probabilities" if names & {"softmax", "sigmoid"} else "logits"


def check_classifier(model: keras.Model, name: str, frame: Shape, classes: int) -> None:
    """Raises ModelSourceError unless `model` takes frames of the shape `frame` and returns `classes` scores."""
    if not getattr(model, "inputs", None):
        raise ModelSourceError(_no_inputs(name))
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelSourceError(
            f"{name}: {len(model.inputs)} inputs and {len(model.outputs)} outputs: a classifier has one of each"
        )
    image, scores = tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])
    pixels = image[:-1] if len(image) == 3 and image[2] == 1 else image
    if any(size is not None and size != has for size, has in zip(pixels, frame)) or len(pixels) != len(
        frame[:-1] if len(frame) == 3 and frame[2] == 1 else frame
    ):
        raise frame_mismatch(name, image, frame)
    check_scores(name, scores, classes)


def _no_inputs(name: str) -> str:
    return f"{name}: a subclassed model tells no input: give a functional or Sequential one"


def _from_function(name: str, frame: Shape | None, classes: int) -> keras.Model:
    file, _, function = name.rpartition(":")
    check_function_file(name)
    make = _function(Path(file), function)
    available: dict[str, Any] = {} if frame is None else {"input_shape": frame, "classes": classes}
    parameters = inspect.signature(make).parameters
    unknown = [
        p.name for p in parameters.values() if p.name not in available and p.default is inspect.Parameter.empty
    ]
    if unknown:
        raise ModelSourceError(
            f"{name} asks for {', '.join(unknown)}: the function may take input_shape and classes, or nothing"
        )
    try:
        model = make(**{key: value for key, value in available.items() if key in parameters})
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise TrainingError(f"{name} does not fit into this machine's memory: make the network smaller") from error
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        raise ModelSourceError(
            fit_reason(f"{name} failed: {type(error).__name__}: ", error, "; --debug shows where")
        ) from error
    if not isinstance(model, keras.Model) or not model.built:
        of_torch = any(kind.__module__.startswith("torch.") for kind in type(model).__mro__)
        remedy = _TORCH if of_torch else "it must return a built keras.Model"
        raise ModelSourceError(f"{name} returned {type(model).__name__}: {remedy}")
    return model


def _function(path: Path, function: str) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ModelSourceError(f"{path}: no Python file; give FILE.py:FUNCTION")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except EdgereadyError:
        raise
    except (Exception, SystemExit) as error:  # a script without a main guard may even exit
        hint = (
            f": {_TORCH}"
            if isinstance(error, ModuleNotFoundError) and error.name == "torch"
            else "; --debug shows where"
        )
        raise ModelSourceError(fit_reason(f"{path} does not run: {type(error).__name__}: ", error, hint)) from error
    make = getattr(module, function, None)
    if not callable(make):
        raise ModelSourceError(f"{path} has no function {function!r}: give FILE.py:FUNCTION")
    network_function: Callable[..., Any] = make
    return network_function


def to_keras_file(model: keras.Model) -> bytes:
    """Returns the bytes of `model` as a .keras file; raises ModelSourceError where a layer cannot be saved."""
    with tempfile.TemporaryDirectory(prefix="edgeready-") as folder:
        path = Path(folder, "model.keras")
        try:
            model.save(path)
        except (NotImplementedError, TypeError, ValueError) as error:
            words = " ".join(str(error).split())  # Keras begins it with an empty line, and ends it with code
            remedy = "; give its layers a get_config, or leave out --save-keras"
            raise ModelSourceError(fit_reason("Keras cannot save this network: ", words, remedy)) from error
        return path.read_bytes()


def versions() -> dict[str, str]:
    """Returns the versions of the libraries that write the model."""
    return {"tensorflow": str(tf.__version__), "keras": str(keras.__version__)}
