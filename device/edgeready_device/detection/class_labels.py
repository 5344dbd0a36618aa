"""Which line of a label file belongs to which class of a detector."""

from __future__ import annotations

from collections.abc import Mapping

from edgeready_device.errors import ModelFileError
from edgeready_device.model_file.labels import LabelLines, Labels, PlainLabels

_BACKGROUND = frozenset(("???", "background", "__background__", "_background_", "unlabeled", "n/a", "none", ""))
_GAP = "???"  # how TensorFlow's label files write a number without a class
# COCO has 80 classes, whose numbers go to 90: a list of the 80 names does not fit a network with 90 outputs.
_COCO_NAMES, _COCO_NUMBERS = 80, 90


def label_classes(labels: Labels | None, classes: int, offset: int | None = None) -> tuple[str, ...]:
    """Returns one label for each of the `classes`, the number of the class where there is none.

    `offset` is the line, from 0, or the number of the first class's label: 1 where the list starts with the
    background. Without it, it is found from how many labels there are and what the first says.
    Raises ModelFileError when the labels fit none, or more than one.
    """
    if not labels or (isinstance(labels, LabelLines) and not labels.lines):
        return tuple(str(i) for i in range(classes))
    plain = _read_numbers(labels)
    numbers = dict(plain) if isinstance(plain, Mapping) else dict(enumerate(plain))
    if len(numbers) == _COCO_NAMES == max(numbers) + 1 and classes == _COCO_NUMBERS:
        raise ModelFileError(
            "80 labels without gaps for 90 classes: COCO's numbers have gaps, so that the names would be wrong from "
            "the 12th class on; take the list with 90 lines, ??? in its gaps"
        )
    has_gaps = len(numbers) <= max(numbers)
    if offset is None:
        offset = _numbered_offset(numbers, classes) if has_gaps else _listed_offset(numbers, classes)
    elif len(numbers) < classes + offset and not has_gaps:
        raise _misfit(len(numbers), classes)
    return tuple(_label(numbers.get(i + offset, ""), i) for i in range(classes))


def count_labels(labels: Labels | None, *, gaps: bool = False) -> int:
    """Returns how many classes the labels are for; 0 where that is open, as it is for numbers with gaps.

    With `gaps` the largest number counts.
    """
    if not labels:
        return 0
    plain = _read_numbers(labels)
    if not isinstance(plain, Mapping):
        return len(plain)
    return max(plain) + 1 if gaps or len(plain) == max(plain) + 1 else 0


def _read_numbers(labels: Labels) -> PlainLabels:
    """The lines of a label file by their numbers, where they run from 0 on or have gaps; other labels as they are."""
    if not isinstance(labels, LabelLines):
        return labels
    numbered = labels.numbered
    if numbered is None or len(set(numbered.values())) < len(numbered):  # as "1 cent", "2 cent"
        return labels.lines
    return numbered


def _listed_offset(labels: Mapping[int, str], classes: int) -> int:
    """The offset of a list with a label in each line."""
    starts_with_background = _is_background(labels[0])
    if len(labels) == classes + 1 and starts_with_background:
        return 1
    if len(labels) == classes and not (starts_with_background and labels[0]):
        return 0
    if len(labels) in (classes, classes + 1):
        raise ModelFileError(
            f"{len(labels)} labels for {classes} classes, the first {labels[0]!r}: say with --label-offset whether "
            "that is the first class (0) or the background (1)"
        )
    raise _misfit(len(labels), classes)


def _numbered_offset(labels: Mapping[int, str], classes: int) -> int:
    """The offset of a list of numbers and labels, which may have gaps."""
    largest = max(labels)
    if largest > classes:
        raise ModelFileError(
            f"a label for class {largest}, of {classes} classes: give the file that belongs to the model"
        )
    has_class_zero = 0 in labels and not _is_background(labels[0])
    if largest == classes and not has_class_zero:
        return 1
    if largest < classes and has_class_zero:
        return 0
    raise ModelFileError(
        f"the labels have the numbers {min(labels)} to {largest}, the model {classes} classes: say with "
        "--label-offset whether the first class has the number 0 or 1"
    )


def _is_background(label: str) -> bool:
    return label.strip().lower() in _BACKGROUND


def _label(text: str, index: int) -> str:
    return text if text and text != _GAP else str(index)


def _misfit(count: int, classes: int) -> ModelFileError:
    return ModelFileError(f"{count} labels for {classes} classes: give the file that belongs to the model (--labels)")
