"""Figures of a run on a data set, kept in its `evaluation.json`, from where the export takes them into the bundle."""

import dataclasses
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from vaeport.common.fileio import write_text
from vaeport.errors import InputError, LabelError

from ..data import Dataset, Split
from ..running.checkpoint import WEIGHTS_FILE, Checkpoint
from ..running.run import data_record, splits_of_run
from ..running.trained import Trained, load_trained
from . import (
    Figures,
    Judge,
    Sampling,
    conditional_accuracy,
    confidence_calibration,
    evaluate,
    held_out_scale,
    importance_weighted,
    probe_accuracies,
)

EVALUATION_FILE = "evaluation.json"

_CPU = torch.device("cpu")

SPLITS = ("train", "held-out", "test")
"""What a data set is cut into."""


@dataclass(frozen=True)
class MeasureOptions:
    """What is measured beside losses, errors and calibration."""

    probe: bool = False
    """Whether to fit probes on the training images and read the class from z_mean with them."""
    likelihood: Sampling | None = None
    """How -log p(x | y) is estimated; None leaves it out."""
    judge: Judge | None = None
    """Who judges drawn images; None draws none."""
    judged_images: int = 10_000
    """How many images are drawn for the judge."""
    splits: tuple[str, ...] = SPLITS
    """Which images are measured; leave the test images out while choosing."""


def evaluate_run(
    folder: str | os.PathLike[str], dataset: Dataset, options: MeasureOptions | None = None
) -> dict[str, Figures]:
    """Measure a run or a bundle; see `load_trained` for what it may be and `evaluate_trained` for the rest."""
    return evaluate_trained(load_trained(folder), dataset, options)


def evaluate_trained(
    trained: Trained, dataset: Dataset, options: MeasureOptions | None = None, *, device: torch.device = _CPU
) -> dict[str, Figures]:
    """Measure a network on a data set; the figures of a run are kept in its `evaluation.json`.

    On the data it was trained on, training and held-out images are measured too; probe, likelihood and judge leave the
    training images out.

    Args:
        trained: the network; it is on the device afterwards.
        dataset: labelled images of the same classes and size.
        options: what is measured.
        device: where.

    Returns:
        Figures by `<data set> <split>`.

    Raises:
        InputError: the data set has other images, or nothing to measure on.
        LabelError: the data set has other classes.
    """
    checkpoint, chosen = trained.checkpoint, options or MeasureOptions()
    record = checkpoint.record
    if dataset.class_names != record.data.labels:
        raise LabelError(
            f"{trained.name} knows {', '.join(record.data.labels)}; {dataset.name} has {', '.join(dataset.class_names)}"
        )
    if dataset.image_shape != record.data.image_shape:
        raise InputError(
            f"{trained.name} takes images {list(record.data.image_shape)} (channels, height, width); {dataset.name} "
            f"has {list(dataset.image_shape)}"
        )
    splits = _splits(checkpoint, dataset)
    if not splits:
        raise InputError(f"{dataset.name} has no test images, and {trained.name} was trained on {record.data.name}")
    looked_at = {name: split for name, split in splits.items() if name in chosen.splits}
    if not looked_at:
        raise InputError(f"{dataset.name} has no {' or '.join(chosen.splits)} images; it has {', '.join(splits)}")
    checkpoint.network.to(device)
    learn_from = splits.get("train", dataset.development)
    judged = None
    if chosen.judge:
        judged = conditional_accuracy(checkpoint.network, chosen.judge, images=chosen.judged_images)
    figures = {}
    for name, split in looked_at.items():
        wanted, drawn = (MeasureOptions(), None) if name == "train" else (chosen, judged)
        measured = _measure(checkpoint, split, learn_from, wanted)
        scale = None
        if name == "held-out":
            scale = held_out_scale(checkpoint.network, split, record.config.objective, name=f"{dataset.name} {name}")
        figures[f"{dataset.name} {name}"] = dataclasses.replace(measured, conditional_accuracy=drawn, anomaly=scale)
    if trained.run is not None:
        known = load_evaluation(trained.run) | {name: asdict(value) for name, value in figures.items()}
        content = {"weights": _weights_digest(trained.run), "figures": known}
        write_text(trained.run / EVALUATION_FILE, json.dumps(content, indent=2, allow_nan=False) + "\n")
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
    known = checkpoint.record.data
    if len(dataset.development) == known.train_images + known.held_out_images:  # others cannot be, nor be cut alike
        train_split, held_out = splits_of_run(checkpoint.record.config, dataset)
        if data_record(dataset, train_split, held_out) == known:
            splits["train"], splits["held-out"] = train_split, held_out
    if dataset.test is not None:
        splits["test"] = dataset.test
    return splits


def _measure(checkpoint: Checkpoint, split: Split, learn_from: Split, options: MeasureOptions) -> Figures:
    network, objective = checkpoint.network, checkpoint.record.config.objective
    figures = dataclasses.replace(
        evaluate(network, split, objective), calibration=confidence_calibration(network, split)
    )
    if options.probe:
        figures = dataclasses.replace(figures, probe_accuracies=probe_accuracies(network, learn_from, split))
    if options.likelihood is not None:
        with tqdm(unit=" decodes", unit_scale=True, disable=None, leave=False) as bar:
            likelihood = importance_weighted(network, split, objective, options.likelihood, progress=bar.update)
        figures = dataclasses.replace(figures, likelihood=likelihood)
    return figures
