"""A source model that carries code, names of code or names of files is refused, and nothing of it runs or is read.

attack_sources.py makes the models, reads them as `edgeready convert` does, and has the kernel tell what was touched.
Two layers are tried apart: the checks without the confinement, and the confinement without the checks.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from kernel_watch import Watch

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="the extra legacy is not installed here"),
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel's reports are Linux'"),
]
SCRIPT = Path(__file__).with_name("attack_sources.py")
LAMBDA = "it carries code in a Lambda layer, which is not run: give FILE.py:FUNCTION instead"
NOT_RUN = "code in a model is not run: give FILE.py:FUNCTION instead"
TRAP = "is code of the module 'trap'; " + NOT_RUN
SYSTEM = f"function 'system' is code of the module 'os'; {NOT_RUN}"
BEYOND = "which reaches beyond the graph"
CHECKPOINT = "which reads or writes another file"
# What each is refused with, in part.
KERAS_3 = {
    "Lambda with code": LAMBDA,
    "Lambda with os.system": LAMBDA,
    "Lambda with a download": LAMBDA,
    "activation with code": LAMBDA,
    "activation os.system": SYSTEM,
    "activation of a module here": f"function 'run' {TRAP}",
    "activation that loads a model": f"keras has no 'load_model' of 'keras.models'; {NOT_RUN}",
    "activation from keras.utils": f"keras has no 'get_file' of 'keras.utils'; {NOT_RUN}",
    "activation of another name": f"'trap>run' is a class or function of your own; {NOT_RUN}",
    "model of a module here": f"Trap 'Trap' {TRAP}",
    "layer of a module here": f"Trap 'conv' {TRAP}",
    "layer of a submodule of keras": f"keras has no 'system' of 'keras.src.utils.io_utils'; {NOT_RUN}",
    "layer of its own package": f"'Custom>Trap' is a class or function of your own; {NOT_RUN}",
    "initializer of a module here": f"Trap 'Trap' {TRAP}",
    "regularizer of a module here": f"Trap 'Trap' {TRAP}",
    "constraint of a module here": f"Trap 'Trap' {TRAP}",
    "type of a module here": "it makes a 'Trap'",
    "module that is no text": "'function' is no name of a class",
    "class that is no text": "\"['Lambda']\" is no name of a class",
    "loss of a module here, inside": f"function 'run' {TRAP}",
    "TFSMLayer": "the layer 'conv' loads another file or program, as every TFSMLayer; give that file itself",
    "TorchModuleWrapper": "loads another file or program, as every TorchModuleWrapper; give that file itself",
    "StringLookup with a file": "names the file '{outside}/words.txt' (vocabulary), which is not read",
    "IntegerLookup with a file": "names the file '{outside}/words.txt' (vocabulary), which is not read",
    "TextVectorization with a file": "names the file '{outside}/words.txt' (vocabulary), which is not read",
    "a part with pickles": "the part 'model.weights.npz' is none of a Keras model: save it again",
    "a part out of the folder": "the part 'assets/../../made' is none of a Keras model: save it again",
    "a part of another kind": "the part 'code.py' is none of a Keras model: save it again",
    "weights by a link out of the file": "is a link (to '{outside}/secret.h5'), and no link is followed",
    "weights by a place out of the file": "the numbers of '/layers/conv2d/vars/0' lie in another file",
    "weights by a map out of the file": "the numbers of '/layers/conv2d/vars/0' lie in another file",
    "bomb: a configuration of 17 MB": "'config.json' would be 17,825,834 bytes, of ",
    "bomb: a deep configuration": "its configuration is deeper than 100 levels",
    "bomb: a deep configuration that Python still reads": "its configuration is deeper than 100 levels",
    "bomb: 400,000 values": "its configuration has more than 300,000 values",
    "bomb: a number of 5,000 digits": "this is no Keras model that can be read (Exceeds the limit (4300 digits)",
    "bomb: 10**9 units": "the layers up to 'dense' ask for 72,000,000,020 weights, and the file holds 312",
    "bomb: 10**30 units": "ask for 72,000,000,000,000,000,000,000,000,000,020 weights, and the file holds 312",
    "bomb: an upsampling by 10**5": "the layer 'up' gives [None, 600000, 600000, 2], 2,880,000,000,000 bytes of",
    "bomb: 6,000 layers": "its configuration has more than 5,000 layers",
    "bomb: weights that are not there": "'/layers/conv2d/vars/0' would be 1,073,741,824 bytes, of 0 in the file",
    "bomb: 128 MB of nothing": "'model.weights.h5' would be 134,217,728 bytes, of ",
    "bomb: 1,001 parts": "1004 parts, and a model has 1000 at most",
}
KERAS_3_OLD = {
    "Lambda with code": LAMBDA,
    "activation os.system": SYSTEM,
    "bomb: a deep configuration": "its configuration is deeper than 100 levels",
    "bomb: 10**9 units": "the layers up to 'dense' ask for 72,000,000,020 weights, and the file holds 312",
    "weights by a link out of the file": "'bias' is a link (to '{outside}/secret.h5'), and no link is followed",
}
KERAS_2 = {
    "model of a module here": f"Trap 'Trap' {TRAP}",
    "layer of a module here": f"Trap 'conv' {TRAP}",
    "activation of a module here": f"function 'run' {TRAP}",
    "activation os.system": SYSTEM,
    "activation by a dotted name": f"tf_keras has no 'os.system' of 'tf_keras.src.utils.io_utils'; {NOT_RUN}",
    "type of a module here": "it makes a 'Trap'",
    "StringLookup with a file": "names the file '{outside}/words.txt' (vocabulary), which is not read",
    "a part with pickles": "the part 'model.weights.npz' is none of a Keras model: save it again",
    "weights by a link out of the file": "'0' is a link (to '{outside}/secret.h5'), and no link is followed",
    "bomb: 10**9 units": "the layers up to 'dense' ask for 72,000,000,020 weights, and the file holds 312",
}
KERAS_2_OLD = {
    "Lambda with code": LAMBDA,
    "Lambda with a function of a module here": LAMBDA,
    **{
        f"tf.{name}": f"the layer 'call' calls tf.{name}, which is no arithmetic; {NOT_RUN}"
        for name in (
            "io.write_file io.gfile.makedirs io.gfile.rmtree io.read_file load_op_library raw_ops.WriteFile "
            "py_function compat.v1.py_func saved_model.load summary.create_file_writer "
            "debugging.experimental.enable_dump_debug_info"
        ).split()
    },
    "the method of a class": f"the layer 'conv' calls a method by its name; {NOT_RUN}",
    "the method of a tensor": f"the layer 'conv' calls a method by its name; {NOT_RUN}",
    "an op that writes": f"the layer 'conv' holds an op: the op WriteFile, {BEYOND}",
    "an op that nobody knows": "the layer 'conv' holds an op: the op 'Trap', which TensorFlow does not know",
    "StringLookup with a file": "names the file '{outside}/words.txt' (vocabulary), which is not read",
    "a feature with a file": "names the file '{outside}/words.txt' (vocabulary_file), which is not read",
    "bomb: 10**9 units": "the layers up to 'dense' ask for 72,000,000,020 weights, and the file holds 312",
    "weights by a link out of the file": "'bias:0' is a link (to '{outside}/secret.h5'), and no link is followed",
}
SAVED_MODELS = {
    "writes a file": f"the op WriteFile, {BEYOND}",
    "reads a file": f"the op ReadFile, {BEYOND}",
    "lists files": f"the op MatchingFiles, {BEYOND}",
    "prints into a file": f"the op PrintV2, {BEYOND}",
    "calls Python": f"the op EagerPyFunc, {BEYOND}",
    "writes a file when it is loaded": f"the op WriteFile, {BEYOND}",
    "reads a file when it is loaded": f"the op ReadFile, {BEYOND}",
    "writes a checkpoint when it is loaded": f"the node 'SaveV2' is the op SaveV2, {CHECKPOINT}",
    "reads a checkpoint": f"the node 'RestoreV2' is the op RestoreV2, {CHECKPOINT}",
    "reads lines of a file": f"the op TextLineDataset, {BEYOND}",
    "writes a file in a branch": f"is the op WriteFile, {BEYOND}",
    "fills a table from a file": f"the op InitializeTableFromTextFileV2, {BEYOND}",
    "has an op that TensorFlow does not know": "is the op 'Trap', which TensorFlow does not know",
    "has an asset out of the folder": "the asset '../../outside/words.txt' lies out of the folder",
    "has a symbolic link out of the folder": "assets/words is a symbolic link out of the folder: copy the model with",
    "comes in several parts": "a SavedModel in several parts (saved_model.cpb) is not read: save it in one",
    "of TensorFlow 1, writes a file when it is loaded": f"the node 'WriteFile' is the op WriteFile, {BEYOND}",
}
FROZEN_GRAPHS = {
    "writes a file": f"the node 'WriteFile' is the op WriteFile, {BEYOND}",
    "reads a file": f"the op ReadFile, {BEYOND}",
    "lists files": f"the op MatchingFiles, {BEYOND}",
    "prints into a file": f"the op PrintV2, {BEYOND}",
    "calls Python": f"the op PyFunc, {BEYOND}",
    "calls Python without a state": f"the op PyFuncStateless, {BEYOND}",
    "reads a checkpoint": f"the op RestoreV2, {BEYOND}",
    "reads records": f"the op WholeFileReaderV2, {BEYOND}",
}
GROUPS = {
    "Keras 3": KERAS_3,
    "Keras 3, .h5": KERAS_3_OLD,
    "Keras 2, .keras": KERAS_2,
    "Keras 2, .h5": KERAS_2_OLD,
    "SavedModel": SAVED_MODELS,
    "frozen graph": FROZEN_GRAPHS,
}
REFUSALS = {f"{group}: {name}": text for group, table in GROUPS.items() for name, text in table.items()}
# The libraries by themselves, for which these traps are armed, and what they do then.
SPRUNG = {
    "SavedModel: writes a file when it is loaded": ["made"],
    "SavedModel: of TensorFlow 1, writes a file when it is loaded": ["made"],
    "frozen graph: writes a file": ["made"],
    "Keras 2, .keras: model of a module here": ["imported", "trap.py"],
    "Keras 2, .h5: tf.io.gfile.makedirs": ["made"],
    "Keras 2, .h5: StringLookup with a file": ["words.txt"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder with the models, and with what came of them."""
    place = tmp_path_factory.mktemp("attacks")
    run(place)
    return place


@pytest.fixture(scope="module")
def results(folder) -> dict:
    return json.loads((folder / "results.json").read_text())


def run(place: Path, *options: str) -> None:
    command = [sys.executable, "-B", str(SCRIPT), str(place), *options]  # -B: an import leaves its own trace alone
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", REFUSALS)
def test_a_model_with_code_or_names_of_files_is_refused_and_touches_nothing(folder, results, name):
    outcome = results[name]
    assert (outcome.get("error"), outcome.get("code")) == ("ModelSourceError", 3), outcome
    assert outcome["text"].startswith(outcome["path"])
    assert REFUSALS[name].format(outside=folder / "outside") in outcome["text"]
    assert "\n" not in outcome["text"]
    assert len(outcome["text"]) < 500
    assert outcome["touched"] == []
    assert outcome["seconds"] < 10
    assert outcome["added_bytes"] < 256 << 20


def test_the_table_is_whole(results):
    assert {name for name, outcome in results.items() if "path" in outcome} == set(REFUSALS)
    assert len(REFUSALS) > 100


@pytest.mark.parametrize("name", SPRUNG)
def test_the_traps_are_armed_for_the_libraries_by_themselves(results, name):
    assert results[f"libraries alone: {name}"] == {"touched": SPRUNG[name]}


@pytest.mark.parametrize(
    "name",
    (
        "base.keras base.h5 old.keras old.h5 base_saved_model ops.h5 layers.keras exported frozen.pb "
        "compiled.keras compiled.h5 old_compiled.keras old_compiled.h5"
    ).split(),
)
def test_a_model_with_nothing_against_it_is_read(results, name):
    outcome = results[f"sound: {name}"]
    assert outcome["touched"] == []
    assert outcome["value"]


@pytest.mark.long
def test_a_confined_process_holds_even_libraries_that_check_nothing(folder):
    before = sorted(path.name for path in (folder / "outside").iterdir())
    watch = Watch(folder / "outside")
    run(folder, "--confined")
    protections, outcomes = json.loads((folder / "own" / "results.json").read_text())
    if not any("Landlock" in line for line in protections):
        pytest.skip("this kernel has no Landlock")
    assert sorted(path.name for path in (folder / "outside").iterdir()) == before
    assert watch.events() == []
    assert {name: outcomes[name][0] for name in SPRUNG} == {
        "SavedModel: writes a file when it is loaded": "PermissionDeniedError",
        "SavedModel: of TensorFlow 1, writes a file when it is loaded": "PermissionDeniedError",
        "frozen graph: writes a file": "PermissionDeniedError",
        "Keras 2, .keras: model of a module here": "TypeError",
        "Keras 2, .h5: tf.io.gfile.makedirs": "PermissionDeniedError",
        "Keras 2, .h5: StringLookup with a file": "TypeError",
    }
    assert len(outcomes) > 80


def test_the_command_refuses_in_one_line_and_leaves_nothing(results, tmp_path):
    model = results["Keras 2, .h5: Lambda with code"]["path"]
    (tmp_path / "code.h5").write_bytes(Path(model).read_bytes())
    command = [sys.executable, "-m", "edgeready", "convert", "code.h5", "--data", "digits", "-o", "m.tflite"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"edgeready: code.h5: the model is not loaded ({LAMBDA})\n"
    assert [path.name for path in tmp_path.iterdir()] == ["code.h5"]
