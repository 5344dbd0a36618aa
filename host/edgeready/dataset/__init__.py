"""Data sets: named sets, .npz files and folders of images, cut into training, calibration and test parts."""

from edgeready.dataset.class_order import alternate_classes, rank_in_class
from edgeready.dataset.contact_sheet import preview
from edgeready.dataset.dataset import Dataset, Parts
from edgeready.dataset.export import export_images
from edgeready.dataset.loading import SET_NAMES, load_splits
from edgeready.dataset.samples import save_samples
from edgeready.dataset.splits import Splits, hold_out, split

__all__ = [
    "SET_NAMES",
    "Dataset",
    "Parts",
    "Splits",
    "alternate_classes",
    "export_images",
    "hold_out",
    "load_splits",
    "preview",
    "rank_in_class",
    "save_samples",
    "split",
]
