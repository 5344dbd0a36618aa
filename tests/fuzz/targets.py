"""What is fuzzed: functions of bytes that may refuse them with an error of ours, and nothing else.

Each has the corpus folder that it starts from, and the longest input worth trying.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeready_device.errors import EdgereadyError
from edgeready_device.images.decode import decode_image
from edgeready_device.model_file.golden import read_golden
from edgeready_device.model_file.labels import parse_labels
from edgeready_device.model_file.manifest import read_manifest
from edgeready_device.model_file.reader import read_model_file
from edgeready_device.tflite.graph import read_graph
from edgeready_device.tflite.metadata import read_tflite_metadata
from edgeready_device.tflite.structure.verification import verified_graph

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """A function under test, `run`, with its folder of the corpus and the inputs' longest length in bytes."""

    run: Callable[[bytes], None]
    corpus: str
    longest: int = 1 << 16

    def seeds(self) -> list[bytes]:
        """The corpus, as the target takes it."""
        return [path.read_bytes() for path in sorted((CORPUS / self.corpus).iterdir())]

    def survives(self, data: bytes) -> bool:
        """Whether `data` was accepted; an error of ours is a refusal, any other goes on to the caller."""
        try:
            self.run(data)
        except EdgereadyError as error:
            said = str(error)
            if "\n" in said or len(said) > 2000:
                raise AssertionError(f"no sentence but {len(said)} characters: {said[:200]!r}") from error
            return False
        return True


def verifier(data: bytes) -> None:
    """The structure of a flatbuffer; what it accepts has readable constants and options."""
    graph = verified_graph(data)
    for tensor in graph.tensors:
        if tensor.constant and not tensor.sparse and tensor.dtype in ("int8", "uint8", "int32", "float32"):
            tensor.values()


def graph_reader(data: bytes) -> None:
    """The graph alone, as `edgeready check` reads it, and what its ops say."""
    graph = read_graph(data)
    for op in graph.ops:
        graph.of(op.inputs)
        for number in range(4):
            op.option(number, "b")


def model_file(data: bytes) -> None:
    """The whole file: flatbuffer, ZIP, metadata, manifest, labels and golden vectors."""
    with tempfile.NamedTemporaryFile(suffix=".tflite", dir=_memory()) as stream:
        stream.write(data)
        stream.flush()
        read_model_file(stream.name)


def metadata(data: bytes) -> None:
    """TFLite Metadata, the flatbuffer inside the flatbuffer."""
    read_tflite_metadata(data)


def manifest(data: bytes) -> None:
    """edgeready.json; what is accepted can be written again."""
    read_manifest(data).to_json()


def golden(data: bytes) -> None:
    """golden.npz; what is accepted can be written again."""
    read_golden(data).to_bytes()


def labels(data: bytes) -> None:
    """labels.txt; no label steers a terminal."""
    assert all(label.isprintable() for label in parse_labels(data))


def compiler_log(data: bytes) -> None:
    """What edgetpu_compiler printed."""
    from edgeready.edgetpu.compiler_log import parse_log

    parse_log(data.decode("utf-8", "replace")).to_dict()


def image(data: bytes) -> None:
    """An image file's pixels."""
    for channels in (1, 3):
        decode_image(data, channels)


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


TARGETS = {
    "verifier": Target(verifier, "models"),
    "graph": Target(graph_reader, "models"),
    "model-file": Target(model_file, "tails"),
    "metadata": Target(metadata, "metadata"),
    "manifest": Target(manifest, "manifest"),
    "golden": Target(golden, "golden"),
    "labels": Target(labels, "labels"),
    "log": Target(compiler_log, "logs", 1 << 14),
    "image": Target(image, "images", 1 << 13),
}
