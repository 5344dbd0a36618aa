"""Attacks by way of the ZIP behind the model: its directory, its parts, and what stands in them."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping

import flatbuffers
import numpy as np
from crafting import attack, vector
from tflite_models import O, T, conv_classifier, tflite

from edgeready_device.model_file.manifest import InputSpec, Manifest

PICKLED_PATH = "attack-by-pickle"


def zipped(write: Callable[[zipfile.ZipFile], object], front: bytes | None = None) -> bytes:
    """conv_classifier (or `front`) with a ZIP that `write` fills."""
    target = io.BytesIO()
    target.write(conv_classifier() if front is None else front)
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # zipfile's own about a name that is there twice
        write(archive)
    return target.getvalue()


def with_parts(model: bytes, parts: Mapping[str, bytes]) -> bytes:
    """`model` with `parts` behind it in a stored ZIP, as the host writes them."""
    return zipped(
        lambda archive: [archive.writestr(zipfile.ZipInfo(name), data) for name, data in parts.items()], model
    )


def whole(front: bytes | None = None, **parts: bytes) -> bytes:
    """A file whose hashes are right, whoever made it; a part `labels_txt` is labels.txt."""
    model = conv_classifier() if front is None else front
    named = {name.replace("_", "."): data for name, data in parts.items()}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in {"flatbuffer": model, **named}.items()}
    manifest = Manifest("net", InputSpec(8, 8, 1), "probabilities", {}, hashes)
    return with_parts(model, {**named, "edgeready.json": manifest.to_json().encode()})


def stored_npy(descr: str, shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npz(inputs: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inputs.npy", inputs)
    return target.getvalue()


@attack("its part 'labels.txt' is encrypted, not compressed by deflate, or too large .104857600 bytes.")
def a_bomb_that_says_so() -> bytes:
    """To unpack 100 MB from 100 kB."""
    return zipped(lambda archive: archive.writestr("labels.txt", bytes(100 << 20)))


@attack("its part 'labels.txt' is damaged")
def a_bomb_that_claims_ten_bytes() -> bytes:
    """To unpack 100 MB by lying about their number."""
    data = bytearray(zipped(lambda archive: archive.writestr("labels.txt", bytes(100 << 20))))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 10)
    return bytes(data)


@attack("has 2 parts, too many or some twice")
def labels_that_are_there_twice() -> bytes:
    """To have one reader check the first and another take the second."""

    def write(archive):
        archive.writestr("labels.txt", "a\nb\nc\n")
        archive.writestr("labels.txt", "c\nb\na\n")

    return zipped(write)


@attack("has 3000 parts, too many")
def three_thousand_parts() -> bytes:
    """To cost time."""
    return zipped(lambda archive: [archive.writestr(str(i), b"") for i in range(3000)] and None)


@attack("3 classes|100 lines|200001 lines")
def two_hundred_thousand_labels() -> bytes:
    """To cost memory, and fill the terminal."""
    return zipped(lambda archive: archive.writestr("labels.txt", "x\n" * 200_000))


@attack("the longest of 1000000 characters")
def a_label_of_a_megabyte() -> bytes:
    """To fill the terminal."""
    return zipped(lambda archive: archive.writestr("labels.txt", "x" * 1_000_000))


@attack("edgeready.json is no JSON .*recursion")
def a_manifest_100000_brackets_deep() -> bytes:
    """To use up the stack."""
    return zipped(lambda archive: archive.writestr("edgeready.json", "[" * 100_000))


@attack("its part 'edgeready.json' is .* too large .3000000 bytes.")
def a_manifest_of_three_megabytes() -> bytes:
    """To cost memory."""
    return zipped(lambda archive: archive.writestr("edgeready.json", " " * 3_000_000))


@attack("a number of 500000 digits")
def a_number_of_500000_digits() -> bytes:
    """To cost minutes on a Python that turns digits into a number in quadratic time."""
    return zipped(lambda archive: archive.writestr("edgeready.json", '{"schema_version": ' + "9" * 500_000 + "}"))


@attack("the sha256 of its labels.txt is")
def labels_that_were_exchanged() -> bytes:
    """To have cats called dogs."""
    manifest = json.loads(Manifest("net", InputSpec(8, 8, 1), "probabilities").to_json())
    manifest["sha256"] = {"labels.txt": hashlib.sha256(b"a\nb\nc\n").hexdigest()}
    parts = {"labels.txt": b"c\nb\na\n", "edgeready.json": json.dumps(manifest).encode()}
    return with_parts(conv_classifier(), parts)


@attack("has the stride 0")
def a_harmful_model_with_the_right_hashes() -> bytes:
    """To pass as one of edgeready's own: hashes show damage, not who made a file."""
    tensors = [T("x", (1, 8, 8, 1), "int8", 0.1), T("w", data=np.ones((3, 3, 3, 1), np.int8), scale=0.01)]
    made = T("y", (1, 8, 8, 3), "int8", 0.1)
    conv = O("CONV_2D", ["x", "w"], ["y"])
    return whole(tflite(tensors=[*tensors, made], ops=[conv], inputs=["x"], outputs=["y"]))


class _Executed:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return open, (PICKLED_PATH, "w")


@attack("golden.npz cannot be read .its array has a header that is none .object")
def a_pickle_in_the_golden_vectors() -> bytes:
    """To run code on the board."""
    return whole(golden_npz=npz(stored_npy("'|O'", "(1,)", pickle.dumps(_Executed()))))


@attack("golden.npz cannot be read .its array claims uint8 .2147483647, 2147483647. and holds 4 bytes")
def an_array_that_claims_four_exabytes() -> bytes:
    """To take all memory."""
    return whole(golden_npz=npz(stored_npy("'|u1'", "(2147483647, 2147483647)", b"abcd")))


@attack("golden.npz cannot be read .its array has a header of 65535 bytes")
def an_array_whose_header_is_a_program() -> bytes:
    """To keep the header's parser busy."""
    return whole(golden_npz=npz(b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70_000))


@attack("golden.npz cannot be read .its array has a header that is none")
def an_array_of_gigantic_elements() -> bytes:
    """To take all memory with one element."""
    return whole(golden_npz=npz(stored_npy("'|V2147483647'", "(1,)")))


@attack("golden.npz cannot be read .its part 'inputs.npy' is .* too large .104857600 bytes")
def golden_vectors_that_are_a_bomb() -> bytes:
    """To unpack 100 MB."""
    return whole(golden_npz=npz(bytes(100 << 20)))


@attack("share so much|more than 200000 tables")
def metadata_that_shares_its_tables() -> bytes:
    """To have 2,000 outputs with 2,000 label files each read from 20 kB."""
    builder = flatbuffers.Builder(1024)
    name = builder.CreateString("labels.txt")

    def table(fields: dict[int, int]) -> int:
        builder.StartObject(8)
        for number, value in fields.items():
            builder.PrependUOffsetTRelativeSlot(number, value, 0)
        return builder.EndObject()

    files = vector(builder, [table({0: name})] * 2000)
    outputs = vector(builder, [table({6: files})] * 2000)
    graphs = vector(builder, [table({3: outputs})])
    builder.Finish(table({3: graphs}), b"M001")
    tensors = [T("x", (1, 4), "int8", 0.1), T("y", (1, 4), "int8", 0.1)]
    entries = {"TFLITE_METADATA": bytes(builder.Output())}
    return tflite(tensors=tensors, ops=[O("RELU", ["x"], ["y"])], inputs=["x"], outputs=["y"], metadata=entries)
