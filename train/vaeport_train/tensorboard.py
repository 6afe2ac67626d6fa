"""The figures of `metrics.jsonl` for TensorBoard, where it is installed (the extra `tensorboard`)."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from .history import EpochRecord

FOLDER = "tensorboard"
"""Sub-folder of a run for TensorBoard's files."""

_SPLITS = ("train", "held_out")
_COUNTERS = ("epoch", "step")


def available() -> bool:
    """Whether the package is installed."""
    return find_spec("tensorboard") is not None


def log_epochs(folder: Path, records: Sequence[EpochRecord]) -> None:
    """Append epochs to `folder/tensorboard`, the epoch as TensorBoard's step; does nothing where it is not installed.

    Losses are `vae_loss/train`, `vae_loss/held_out` and so on, so that both curves share a chart's group; the other
    figures keep their names from `metrics.jsonl`. An epoch that is logged again takes the place of the one before.

    Args:
        folder: the run folder.
        records: the last epoch, or after a resume all so far.
    """
    if not records or not available():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, about which a run can do nothing
        from torch.utils.tensorboard import SummaryWriter
    with SummaryWriter(folder / FOLDER, purge_step=records[0].epoch) as writer:
        for record in records:
            for name, value in scalars(record).items():
                writer.add_scalar(name, value, record.epoch)


def scalars(record: EpochRecord) -> dict[str, float]:
    """Every number of an epoch by the name that TensorBoard shows it under."""
    values = asdict(record)
    found = {f"{name}/{split}": value for split in _SPLITS for name, value in values[split].items()}
    found |= {f"kl_by_dimension/{d}": value for d, value in enumerate(record.kl_by_dimension)}
    single = set(values) - {*_SPLITS, *_COUNTERS, "kl_by_dimension"}
    return found | {name: float(values[name]) for name in sorted(single)}
