"""`metrics.jsonl`, one line an epoch, and the same figures for TensorBoard where it is installed."""

import io
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vaeport.common.fileio import move, staged_folder, write_text
from vaeport.errors import InputError

METRICS_FILE = "metrics.jsonl"

_MOST_LINE = 2**22  # characters; a run from a stranger may have a line without end


@dataclass(frozen=True)
class EpochLosses:
    """Means over images, in nats an image; the error is a share."""

    vae_loss: float
    """Reconstruction + KL."""
    reconstruction: float
    """-log p(x | z, y)."""
    kl: float
    """KL of the posterior from N(0, I)."""
    classification_loss: float
    """Cross-entropy times its weight."""
    classification_error: float
    """Share of images whose best class is wrong."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch."""

    epoch: int
    """From 1 up."""
    step: int
    """Optimiser steps since the beginning."""
    train: EpochLosses
    """While training, so the mean over a network in motion."""
    held_out: EpochLosses
    """After the epoch."""
    kl_by_dimension: tuple[float, ...]
    """The held-out KL's share of each latent dimension, in nats."""
    seconds: float
    """Wall time of the training steps."""
    images_per_second: float
    """Training images over that time."""


def save_history(folder: Path, history: Sequence[EpochRecord]) -> None:
    """Write `metrics.jsonl` whole, every epoch anew: a crash never leaves half a line."""
    write_text(folder / METRICS_FILE, "".join(json.dumps(asdict(record)) + "\n" for record in history))


def load_history(folder: Path, *, epochs: int) -> list[EpochRecord]:
    """The first `epochs` lines of `metrics.jsonl`.

    Raises:
        InputError: the file is damaged or shorter.
    """
    path = folder / METRICS_FILE
    adapter = TypeAdapter(EpochRecord)
    try:
        with path.open(encoding="utf-8") as file:
            lines = iter(lambda: file.readline(_MOST_LINE), "")
            history = [adapter.validate_json(line, strict=True) for line in islice(lines, epochs)]
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "a line"
        raise InputError(f"{path} is damaged: {place}: {problem['msg']}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if len(history) != epochs:
        raise InputError(f"{path} has {len(history)} lines, but the run has done {epochs} epochs")
    return history


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
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    now = time.time()
    events = [
        Event(wall_time=now, file_version="brain.Event:2"),
        Event(wall_time=now, step=records[0].epoch, session_log=SessionLog(status=SessionLog.START)),
    ]
    for record in records:
        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars(record).items()]
        events.append(Event(wall_time=now, step=record.epoch, summary=Summary(value=values)))
    content = io.BytesIO()
    writer = RecordWriter(content)
    for event in events:
        writer.write(event.SerializeToString())
    seconds, rest = divmod(time.time_ns(), 10**9)
    place = folder / FOLDER
    with staged_folder(place) as stage:  # beside TensorBoard's folder, where it would read a file that is not whole
        (stage / "events").write_bytes(content.getvalue())
        place.mkdir(exist_ok=True)
        move(stage / "events", place / f"events.out.tfevents.{seconds:010d}.{rest:09d}.{records[0].epoch}")


def scalars(record: EpochRecord) -> dict[str, float]:
    """Every number of an epoch by the name that TensorBoard shows it under."""
    values = asdict(record)
    numbers = {f"{name}/{split}": value for split in _SPLITS for name, value in values[split].items()}
    numbers |= {f"kl_by_dimension/{d}": value for d, value in enumerate(record.kl_by_dimension)}
    single = set(values) - {*_SPLITS, *_COUNTERS, "kl_by_dimension"}
    return numbers | {name: float(values[name]) for name in sorted(single)}
