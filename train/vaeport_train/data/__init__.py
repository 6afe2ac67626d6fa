"""Labelled images to train on, by name or path; each kind of source in a file of its own."""

from .arrays import dataset_of_arrays
from .dataset import Dataset, Split
from .sources import NAMES, FolderOptions, load_dataset

__all__ = ["NAMES", "Dataset", "FolderOptions", "Split", "dataset_of_arrays", "load_dataset"]
