"""Images for lower precisions: some to measure ranges on, others to judge the outcome on."""

from dataclasses import dataclass, replace

import numpy as np

from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, IMAGE, Z_LOGVAR, Z_MEAN, Z
from vaeport.errors import InputError
from vaeport.images.scaling import from_uint8
from vaeport.model.latents import latents
from vaeport_train.data import Dataset, Split
from vaeport_train.running.checkpoint import Checkpoint
from vaeport_train.running.run import data_record, splits_of_run

from ..bundle.golden import torch_answers
from ..bundle.probes import Inputs
from ..modules.vae import graph_modules

_CALIBRATED = 512
_SEED = 512  # any constant will do; files must not change from one export to the next


@dataclass(frozen=True, eq=False)
class Material:
    """What lower precisions of one run are made and judged with."""

    calibration: dict[str, Inputs]
    """Inputs to measure ranges on by graph: training images; their posteriors' means and samples, and the prior's."""
    judged: Split
    """Images to judge on: the test images, or those held out where the data has none."""
    judged_name: str
    """What they are called in figures, `mnist test` for instance."""


def material_of(checkpoint: Checkpoint, dataset: Dataset) -> Material:
    """Cut the data of a run as the run did.

    Raises:
        InputError: it is not the data that the run was trained on.
    """
    record = checkpoint.record
    train_split, held_out = splits_of_run(record.config, dataset)
    given = data_record(dataset, train_split, held_out)
    # The fingerprint tells whether the images are the same; the same images may lie elsewhere, under another name.
    if replace(given, name=record.data.name, licence=record.data.licence) != record.data:
        raise InputError(
            f"the run was trained on {record.data.train_images} images of {record.data.name} that are not in "
            f"{dataset.name} as it is given now; a precision is calibrated on the run's own training images"
        )
    judged, part = (held_out, "held-out") if dataset.test is None else (dataset.test, "test")
    return Material(_calibration(checkpoint, train_split), judged, f"{dataset.name} {part}")


def _calibration(checkpoint: Checkpoint, train_split: Split) -> dict[str, Inputs]:
    import torch

    rows = np.linspace(0, len(train_split) - 1, min(_CALIBRATED, len(train_split))).astype(np.int64)
    images = {IMAGE: from_uint8(train_split.images[rows])}
    module = graph_modules(checkpoint.network)[ENCODER_CLASSIFIER]
    encoded = torch_answers(module, ENCODER_CLASSIFIER, images, torch.float32)
    shapes = checkpoint.record.shapes
    noise = latents(_SEED, len(rows), shapes.latent_dim)
    sampled = encoded[Z_MEAN] + np.exp(encoded[Z_LOGVAR] / 2) * noise
    one_hot = np.eye(shapes.classes)[np.arange(len(rows)) % shapes.classes]
    return {
        ENCODER_CLASSIFIER: images,
        DECODER: {
            Z: np.concatenate([encoded[Z_MEAN], sampled, noise]).astype(np.float32),
            CLASS_PROBS: np.concatenate([encoded[CLASS_PROBS], encoded[CLASS_PROBS], one_hot]).astype(np.float32),
        },
    }
