"""What the tests of training share: few digits, narrow networks, and folders as plain values."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from vaeport_train.configuration.config import RunConfig
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import Dataset, load_dataset
from vaeport_train.running.history import FOLDER as TENSORBOARD
from vaeport_train.running.run import fit

NARROW = (
    "network.latent_dim=4",
    "network.encoder_hidden=[16]",
    "network.classifier_hidden=[32]",
    "network.decoder_hidden=[16]",
    "training.batch_size=50",
)
TIMING_FIELDS = ("seconds", "images_per_second")


def few_digits(n: int = 600, *, held_out: int = 100) -> Dataset:
    """The first digits of mnist-5k as a data set of its own size."""
    whole = load_dataset("mnist-5k")
    return dataclasses.replace(whole, development=whole.development.take(np.arange(n)), held_out=held_out)


def narrow_config(*settings: str, preset: str = "mlp") -> RunConfig:
    """A preset with few weights, two epochs unless a setting says otherwise."""
    return load_preset(preset, [*NARROW, "training.epochs=2", *settings])


def narrow_run(folder: Path, dataset: Dataset, *settings: str, preset: str = "mlp") -> Path:
    """Train a narrow network into a folder."""
    return fit(folder, preset, narrow_config(*settings, preset=preset), dataset)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its relative path, but for TensorBoard's, whose names and content hold the time."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if name.parts[0] != TENSORBOARD}


def metrics_without_time(folder: Path) -> list[dict[str, Any]]:
    """Lines of `metrics.jsonl` without the fields that measure this machine."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMING_FIELDS} for line in lines]
