"""A run folder from its first file to its figures: begin, go on, evaluate."""

import hashlib
import importlib.metadata
import io
import os
import platform
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vaeport.common.fileio import move, remove, staged_folder, write_atomic, write_folder
from vaeport.common.passing import clear_dead
from vaeport.errors import InputError, OutputError, VaeportError

from ..configuration.config import RunConfig
from ..data import Dataset, Split
from .checkpoint import CONFIG_FILE, DataRecord, RunRecord, load_record, save_record
from .distributed import environment, process_group
from .state import STATE_FILE, load_state, new_state
from .trainer import Trainer

EXAMPLES_FILE = "examples.npz"
SAVE_EVERY = 60.0
_EXAMPLES_PER_CLASS = 8
_CPU = torch.device("cpu")


def fit(
    folder: str | os.PathLike[str],
    preset: str,
    config: RunConfig,
    dataset: Dataset,
    *,
    device: torch.device = _CPU,
    files: Mapping[str, bytes] | None = None,
    quiet: bool = False,
    save_every: float = SAVE_EVERY,
) -> Path:
    """Train from the beginning into a new run folder; started by `torchrun`, with the other processes.

    Args:
        folder: is made.
        preset: name that the configuration began with, for the record.
        config: the configuration.
        dataset: images and labels.
        device: where to train; see `vaeport_train.devices.resolve_device`.
        files: what else the folder keeps, by path in it: the code of networks of your own.
        quiet: no progress bar.
        save_every: seconds after which a state to go on from is saved within an epoch.

    Raises:
        InputError: the folder holds something already.
        DivergedError: the loss became no number.
    """
    path = Path(folder)
    config = replace(config, training=replace(config.training, processes=environment().count))
    with process_group() as processes:
        if processes.first:
            check_folder(path)
        train_split, held_out = splits_of_run(config, dataset)
        record = RunRecord(preset, config, data_record(dataset, train_split, held_out), _versions())
        undo = _begin(path, record, files or {}, held_out) if processes.first else nullcontext()
        with undo:
            processes.wait()
            state = new_state(record, path, device=device)
            trainer = Trainer(state, record, train_split, held_out, path, processes=processes, save_every=save_every)
        with _can_go_on(path):
            trainer.train(quiet=quiet)
    return path


def resume(
    folder: str | os.PathLike[str],
    dataset: Dataset,
    *,
    device: torch.device = _CPU,
    quiet: bool = False,
    save_every: float = SAVE_EVERY,
) -> Path:
    """Go on with a run from where it was saved last.

    On the CPU the end is the same to the bit as if it had never stopped; on another device than before, or on a GPU,
    the same within rounding.

    Args:
        folder: the run folder.
        dataset: the data that it began with.
        device: as of `fit`; it may be another than before.
        quiet: as of `fit`.
        save_every: as of `fit`.

    Raises:
        InputError: no such run, damaged files, other data than it began with, or another number of processes.
    """
    path = Path(folder)
    record = load_record(path)
    if record.config.training.processes != environment().count:
        raise InputError(
            f"{path} began with {record.config.training.processes} processes, now there are {environment().count}: use "
            f"torchrun --nproc-per-node {record.config.training.processes} -m vaeport_train resume"
        )
    train_split, held_out = splits_of_run(record.config, dataset)
    given = data_record(dataset, train_split, held_out)
    if given != record.data:
        raise InputError(f"{path} began with {_in_words(record.data)}, now there are {_in_words(given)}")
    with process_group() as processes:
        if processes.first and not (path / EXAMPLES_FILE).is_file():
            _save_examples(path, held_out)
        saved = (path / STATE_FILE).is_file()
        state = load_state(path, record, device=device) if saved else new_state(record, path, device=device)
        trainer = Trainer(state, record, train_split, held_out, path, processes=processes, save_every=save_every)
        with _can_go_on(path):
            trainer.train(quiet=quiet)
    return path


def check_folder(path: Path) -> None:
    """Refuse a place for a new run where something stands, but for what a killed run left before it had begun.

    Raises:
        InputError: it is a file, or a folder that holds something.
    """
    clear_dead(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        hint = "; go on with `vaeport-train resume`, or choose" if (path / CONFIG_FILE).is_file() else "; choose"
        raise InputError(f"{path} is not empty{hint} another folder")


def load_examples(folder: Path) -> Split:
    """Held-out images that travel with the run, some of each class.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = folder / EXAMPLES_FILE
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return Split(arrays["images"], arrays["labels"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read: {error}; the folder is no finished run") from error


def _begin(
    folder: Path, record: RunRecord, files: Mapping[str, bytes], held_out: Split
) -> AbstractContextManager[None]:
    """Write all that `resume` needs; a new folder appears in one step.

    Returns:
        A context that takes it away again if the networks turn out not to fit, or the run is stopped before it begins.
    """

    def fill(place: Path) -> None:
        for name, content in files.items():
            write_atomic(place / name, lambda file, content=content: file.write(content))  # type: ignore[misc]
        save_record(place, record)
        _save_examples(place, held_out)

    if not folder.is_dir():
        write_folder(folder, fill)
        return _removed_on_error([folder])
    # It may be a link, a mount point or the working folder, so it stays where it is.
    with staged_folder(folder / CONFIG_FILE) as stage:
        fill(stage)
        written = sorted(
            stage.iterdir(), key=lambda path: (path.is_file(), path.name)
        )  # the examples can be made again
        with _removed_on_error([folder / path.name for path in written]):
            for path in written:
                move(path, folder / path.name)
    return _removed_on_error([folder / path.name for path in written])


@contextmanager
def _removed_on_error(paths: list[Path]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for path in paths:
            remove(path)
        raise


@contextmanager
def _can_go_on(folder: Path) -> Iterator[None]:
    """Say that a run whose files could not be written goes on from where it was saved last."""
    try:
        yield
    except OSError as error:
        if isinstance(error, VaeportError) and not isinstance(error, OutputError):
            raise
        reason = str(error) if isinstance(error, OutputError) else f"cannot write into {folder}: {error}"
        raise OutputError(f"{reason}; the run is kept, go on with: vaeport-train resume {folder}") from error


def splits_of_run(config: RunConfig, dataset: Dataset) -> tuple[Split, Split]:
    """Training and held-out images, as the configuration cuts the data."""
    return dataset.split(config.data.split, held_out=config.data.held_out, seed=config.training.seed)


def data_record(dataset: Dataset, train_split: Split, held_out: Split) -> DataRecord:
    """What a run remembers of its data; equal records mean the same images in the same split."""
    digest = hashlib.sha256(np.ascontiguousarray(train_split.images).data)
    digest.update(np.ascontiguousarray(train_split.labels).data)
    return DataRecord(
        name=dataset.name,
        labels=dataset.class_names,
        image_shape=dataset.image_shape,
        train_images=len(train_split),
        held_out_images=len(held_out),
        fingerprint=digest.hexdigest(),
        licence=dataset.licence,
    )


def _in_words(data: DataRecord) -> str:
    return f"{data.train_images} training images of {data.name} (fingerprint {data.fingerprint[:8]})"


def _save_examples(folder: Path, held_out: Split) -> None:
    rows = np.concatenate(
        [np.flatnonzero(held_out.labels == k)[:_EXAMPLES_PER_CLASS] for k in np.unique(held_out.labels)]
    )
    chosen, content = held_out.take(rows), io.BytesIO()
    np.savez_compressed(content, images=chosen.images, labels=chosen.labels)
    write_atomic(folder / EXAMPLES_FILE, lambda file: file.write(content.getvalue()))


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "vaeport": importlib.metadata.version("vaeport"),
    }
