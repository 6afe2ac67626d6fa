"""Labelled images to train on, by name; each source in a file of its own."""

from .dataset import Dataset, Split
from .sources import SOURCES, load_dataset

__all__ = ["SOURCES", "Dataset", "Split", "load_dataset"]
