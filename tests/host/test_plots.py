"""The pictures: drawn with matplotlib's file canvas, each of a size that follows its contents, nothing cut off."""

from __future__ import annotations

import sys

import layer_pairs as pairs
import numpy as np
import pytest
from PIL import Image
from test_modes_report import report
from test_report import part

pytest.importorskip("matplotlib", reason="the extra `plots` is not installed")

from edgeready.errors import MissingExtraError, OutputError
from edgeready.layer_analysis import diagnose
from edgeready.proof.measure import Disagreement
from edgeready.report.modes import write_modes
from edgeready.report.plots.canvas import add_panel, new_figure, plain, require_plots, save_figure
from edgeready.report.plots.confusion import plot_confusion, worst_classes
from edgeready.report.plots.disagreements import save_disagreements
from edgeready.report.plots.layers import plot_layers
from edgeready.report.plots.modes import plot_modes
from edgeready_device.evaluation import EvaluationReport
from edgeready_device.model_file.reader import TfliteModel


def ink(path) -> np.ndarray:
    """Where the picture is not white."""
    return np.asarray(Image.open(path).convert("L")) < 250


def whole(path) -> bool:
    """Whether the picture has contents, and none of them at its edges, where they would be cut off."""
    drawn = ink(path)
    return bool(drawn.any()) and not (drawn[[0, -1]].any() or drawn[:, [0, -1]].any())


def test_the_layers_are_drawn_whole(tmp_path):
    kernel, dense = pairs.weights()
    model = pairs.integer_model(kernel, dense, conv_scale=0.0005)
    float32, integer = (TfliteModel(data) for data in (pairs.float_model(kernel, dense), model))
    found = diagnose(float32, integer, pairs.samples(2), names=("f.tflite", "a $name$.tflite"))
    plot_layers(found, tmp_path / "layers.png")
    assert whole(tmp_path / "layers.png")


def test_the_modes_are_drawn_whole_with_their_pictures_beside(tmp_path):
    written = write_modes(report(), tmp_path / "new", plots=True)
    assert [path.name for path in written] == [
        "modes.json",
        "modes.csv",
        "modes.png",
        "confusion_uint8.png",
        "disagreements_uint8.png",
    ]
    assert all(path.exists() for path in written)
    assert all(whole(path) for path in written[2:])


@pytest.mark.parametrize("classes", [2, 25, 60])
def test_a_confusion_matrix_of_any_size_is_drawn_whole(tmp_path, classes):
    truth = np.arange(4 * classes) % classes
    answers = np.where(np.arange(len(truth)) % 7 == 0, (truth + 1) % classes, truth)
    labels = tuple(f"class number {number}" for number in range(classes))
    plot_confusion(EvaluationReport(labels, truth, np.eye(classes)[answers]), "net", tmp_path / "c.png")
    assert whole(tmp_path / "c.png")


def test_of_many_classes_those_with_the_most_errors_stay_in_their_order():
    table = np.diag(np.full(50, 9))
    table[48, 45] = 5
    assert worst_classes(table).tolist() == [*range(38), 45, 48]
    assert worst_classes(table[:7, :7]).tolist() == list(range(7))


def test_the_sheet_grows_by_rows_of_six_up_to_sixty_images(tmp_path):
    test = part(3, 90)
    heights = {}
    for count in (0, 6, 7, 60, 70):
        found = tuple(
            Disagreement(index=i, truth=int(test.labels[i]), first=int(test.labels[i]), second=0)
            for i in range(count)
        )
        save_disagreements(found, test, ("float32", "uint8"), path=tmp_path / "sheet.png")
        heights[count] = Image.open(tmp_path / "sheet.png").height
    row = heights[7] - heights[6]
    assert row == heights[6] - heights[0] > 96
    assert heights[60] == heights[70] == heights[0] + 10 * row


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        plot_modes(report(), tmp_path / "file" / "modes.png")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'run pip install "matplotlib>=3\.8", or leave them out'):
        require_plots()


@pytest.mark.parametrize(
    ("text", "shown"), [("a $b$ c", r"a \$b\$ c"), ("a\nb", "a b"), ("x" * 300, "x" * 199 + "…")]
)
def test_text_is_shown_as_it_is(text, shown):
    assert plain(text) == shown


def test_a_plot_takes_letters_that_matplotlib_lacks_from_the_machine_and_is_silent_about_others(tmp_path, recwarn):
    figure = new_figure(3, 2, "кошка 猫 $x$")
    panel = add_panel(figure, rows=1, columns=1, number=1)
    panel.set_xticks([0, 1], ["猫", "犬"])
    save_figure(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)] == []
