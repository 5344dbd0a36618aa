"""What edgetpu_compiler prints, read back."""

from __future__ import annotations

import pytest
from compiled_models import LOG, MIX

from edgeready.edgetpu.compiler_log import Row, find_failure, parse_log, read_log
from edgeready.errors import ModelFileError, NotFoundError
from edgeready.readiness.compiler_table import MAPPED, SUBGRAPH, UNSPECIFIED, UNSUPPORTED


def test_standard_output_gives_version_model_memory_and_rows():
    log = parse_log(MIX)
    assert (log.version, log.model, log.subgraphs, log.failure) == ("16.0.384591198", "model.tflite", 1, None)
    assert (log.cached_bytes, log.remaining_bytes, log.streamed_bytes) == (87808, 8147436, 5632)
    assert log.rows == (
        Row(op="FULLY_CONNECTED", count=1, status=SUBGRAPH),
        Row(op="FULLY_CONNECTED", count=1, status=MAPPED),
        Row(op="RELU", count=1, status=MAPPED),
        Row(op="LEAKY_RELU", count=1, status=UNSUPPORTED),
    )
    assert (log.mapped, log.total, log.all_mapped) == (2, 4, False)


def test_the_log_file_gives_its_rows_and_no_memory():
    log = parse_log(LOG)
    assert log.rows == (Row(op="RELU", count=2, status=MAPPED), Row(op="QUANTIZE", count=1, status=UNSPECIFIED))
    assert (log.model, log.cached_bytes, log.subgraphs) == ("model.tflite", None, None)


def test_lines_that_end_as_windows_has_it_are_read_alike():
    assert parse_log(MIX.replace("\n", "\r\n")) == parse_log(MIX)


def test_a_model_is_all_mapped_when_every_row_is_and_there_is_a_subgraph():
    text = "Edge TPU Compiler version 16.0\n{}\nOperator  Count  Status\n\nRELU  2  Mapped to Edge TPU\n"
    assert parse_log(text.format("Number of Edge TPU subgraphs: 1")).all_mapped is True
    assert parse_log(text.format("Number of Edge TPU subgraphs: 0")).all_mapped is False


def test_the_older_compilers_word_for_the_memory_is_read():
    text = MIX.replace("remaining for", "available for")
    assert parse_log(text).remaining_bytes == 8147436


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Invalid model: m.tflite\nModel not quantized", "the activations are floats"),
        (
            "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'\nRegistration failed.\nInvalid model",
            "the op has a version newer than this compiler (TensorFlow 2.6 at most)",
        ),
        ("Op builtin_code out of range: 150. Are you using old TFLite?", "the op came to TFLite after this compiler"),
        (
            "ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has "
            "dynamic-sized tensors.\nCompilation failed: Model failed in Tflite interpreter.",
            "a shape is computed at run time",
        ),
        (
            "Compilation failed: Compilation failed due to large activation tensors in model.",
            "an activation does not",
        ),
        ("Internal compiler error. Aborting!", "most often a large input"),
        ("ERROR: Encountered unresolved custom op: MyOp.", "a custom or TensorFlow (Flex) op"),
        ("Compilation child process did not finish within the timeout", "the compilation took longer"),
        ("Compilation failed!", "not told"),
    ],
)
def test_a_failure_has_its_cause_and_a_remedy(said, cause):
    log = parse_log(f"Edge TPU Compiler version 16.0.384591198\n{said}\n")
    assert log.failure.cause.startswith(cause)
    assert log.failure.remedy
    assert "\n" not in log.failure.message
    assert log.all_mapped is False


def test_what_the_compiler_says_of_a_success_is_no_failure():
    assert find_failure(MIX) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is no compiler log"),
        ("hello\nworld\n", "this is no compiler log"),
        ("Operator and Count and Status\n", "this is no compiler log"),
        ("Edge TPU Compiler version 16.0.384591198\n", "the log has no table"),
        (
            "Edge TPU Compiler version 16\nOperator  Count  Status\nRELU  x  Mapped to Edge TPU\n",
            "the log has no table",
        ),
        (LOG + LOG, "the log tells of 2 models"),
        ("x" * (1 << 20) + "y", "longer than 1048576 characters"),
    ],
)
def test_what_is_no_log_is_told_in_one_line(text, said):
    with pytest.raises(ModelFileError, match=said) as error:
        parse_log(text)
    assert "\n" not in str(error.value)


def test_a_row_that_makes_no_sense_is_left_out():
    bad = "RELU -1 Mapped to Edge TPU\nRELU 99999999999999 Mapped to Edge TPU\n\x00 1 x\nRELU 1\n"
    assert parse_log(LOG + bad).rows == parse_log(LOG).rows


def test_the_error_names_the_file(tmp_path):
    path = tmp_path / "x_edgetpu.log"
    path.write_bytes(b"\xff\xfe\x00garbage")
    with pytest.raises(ModelFileError) as error:
        read_log(path)
    assert str(error.value).startswith(f"{path}: this is no compiler log")


def test_a_missing_log_is_not_found_and_a_folder_is_no_log(tmp_path):
    with pytest.raises(NotFoundError, match=r"give the X_edgetpu\.log"):
        read_log(tmp_path / "none.log")
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_log(tmp_path)
