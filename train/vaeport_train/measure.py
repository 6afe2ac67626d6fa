"""Figures of a run on a data set, kept in its `evaluation.json`, from where the export takes them into the bundle."""

import dataclasses
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from vaeport.errors import InputError, LabelError
from vaeport.fileio import write_text

from .checkpoint import WEIGHTS_FILE, Checkpoint, load_checkpoint
from .data import Dataset, Split
from .evaluation import Figures, calibrate, evaluate, held_out_scale, importance_weighted, probe_accuracy
from .run import data_record, splits_of_run

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class MeasureOptions:
    """What is measured beside losses, errors and calibration."""

    probe: bool = False
    """Whether to fit a linear probe on the training images and read the class from z_mean with it."""
    likelihood_samples: int = 0
    """Importance samples an image for -log p(x | y); 0 leaves it out."""
    likelihood_images: int | None = None
    """Only the first so many images of a split; None takes all."""
    all_classes: bool = False
    """Whether to estimate -log p(x) over all classes too."""


def evaluate_run(
    folder: str | os.PathLike[str], dataset: Dataset, options: MeasureOptions | None = None
) -> dict[str, Figures]:
    """Measure a run on a data set and keep the figures in its `evaluation.json`.

    On the data it was trained on, training and held-out images are measured too; probe and likelihood leave the
    training images out.

    Returns:
        Figures by `<data set> <split>`.

    Raises:
        InputError: no such run, or the data set has nothing to measure on.
        LabelError: the data set has other classes.
    """
    path, chosen = Path(folder), options or MeasureOptions()
    checkpoint = load_checkpoint(path)
    record = checkpoint.record
    if dataset.class_names != record.data.labels:
        raise LabelError(
            f"{path} knows {', '.join(record.data.labels)}; {dataset.name} has {', '.join(dataset.class_names)}"
        )
    if dataset.image_shape != record.data.image_shape:
        raise InputError(
            f"{path} takes images {list(record.data.image_shape)} (channels, height, width); {dataset.name} has "
            f"{list(dataset.image_shape)}"
        )
    splits = _splits(checkpoint, dataset)
    if not splits:
        raise InputError(f"{dataset.name} has no test images, and {path} was trained on {record.data.name}")
    learn_from = splits.get("train", dataset.development)
    figures = {}
    for name, split in splits.items():
        asked = MeasureOptions() if name == "train" else chosen
        measured = _measure(checkpoint, split, learn_from, asked)
        if name == "held-out":
            scale = held_out_scale(checkpoint.network, split, record.config.objective, name=f"{dataset.name} {name}")
            measured = dataclasses.replace(measured, anomaly=scale)
        figures[f"{dataset.name} {name}"] = measured
    known = load_evaluation(path) | {name: asdict(value) for name, value in figures.items()}
    content = {"weights": _weights_digest(path), "figures": known}
    write_text(path / EVALUATION_FILE, json.dumps(content, indent=2, allow_nan=False) + "\n")
    return figures


def load_evaluation(folder: Path) -> dict[str, Any]:
    """Figures of `evaluation.json` by `<data set> <split>`; none where the weights have changed since.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / EVALUATION_FILE
    try:
        content = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if content == {}:
        return {}
    figures = content.get("figures") if isinstance(content, dict) else None
    if not isinstance(figures, dict) or not all(isinstance(value, dict) for value in figures.values()):
        raise InputError(f"{path} is damaged: it must hold figures by data set; evaluate the run again")
    return figures if content.get("weights") == _weights_digest(folder) else {}


def _weights_digest(folder: Path) -> str:
    return hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()


def _splits(checkpoint: Checkpoint, dataset: Dataset) -> dict[str, Split]:
    splits: dict[str, Split] = {}
    train_split, held_out = splits_of_run(checkpoint.record.config, dataset)
    if data_record(dataset, train_split, held_out) == checkpoint.record.data:
        splits["train"], splits["held-out"] = train_split, held_out
    if dataset.test is not None:
        splits["test"] = dataset.test
    return splits


def _measure(checkpoint: Checkpoint, split: Split, learn_from: Split, options: MeasureOptions) -> Figures:
    network, objective = checkpoint.network, checkpoint.record.config.objective
    figures = dataclasses.replace(evaluate(network, split, objective), calibration=calibrate(network, split))
    if options.probe:
        figures = dataclasses.replace(figures, linear_probe_accuracy=probe_accuracy(network, learn_from, split))
    if options.likelihood_samples:
        some = split.take(np.arange(min(len(split), options.likelihood_images or len(split))))
        with tqdm(total=len(some), unit=" images", disable=None, leave=False) as bar:
            likelihood = importance_weighted(
                network,
                some,
                objective,
                samples=options.likelihood_samples,
                all_classes=options.all_classes,
                progress=bar.update,
            )
        figures = dataclasses.replace(figures, likelihood=likelihood)
    return figures
