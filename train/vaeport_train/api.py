"""Train, go on, measure and judge as Python calls. The commands of `vaeport-train` are thin over them."""

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from numpy.typing import ArrayLike

from vaeport.contract import Shapes
from vaeport.errors import InputError

from .configuration.parsing import Settings, load_preset
from .configuration.preset_files import preset_label
from .data import NAMES, Dataset, FolderOptions, dataset_of_arrays, load_dataset
from .devices import resolve_device
from .evaluation import Figures, Judge, JudgeRecipe, Sampling, load_judge, save_judge, train_judge
from .evaluation.measure import SPLITS, MeasureOptions, evaluate_trained
from .networks.own import OwnNetworks, adopt
from .running import run as runs
from .running.checkpoint import DataRecord, load_record
from .running.distributed import environment
from .running.history import EpochRecord, load_history
from .running.trained import load_trained

Arrays: TypeAlias = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, Sequence[str]]
"""Images and labels, and the classes' names if one likes; see `vaeport_train.data.arrays.read_arrays`."""

Data: TypeAlias = str | os.PathLike[str] | Dataset | Arrays
"""A data set's name, a folder of images, an `.npz` file, a data set, or arrays."""

Network: TypeAlias = str | Callable[..., Any]
"""`FILE.py:NAME`, or a function or class of such a file."""


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    folder: Path
    """Its folder."""
    history: tuple[EpochRecord, ...]
    """Losses and times of each epoch."""
    device: str
    """Where it trained, `cpu` or `cuda:0` for instance."""


def fit(
    folder: str | os.PathLike[str],
    *,
    data: Data = "mnist-5k",
    preset: str | os.PathLike[str] = "mlp",
    settings: Settings = (),
    network: Network | None = None,
    device: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    folder_options: FolderOptions | None = None,
    save_every: float = runs.SAVE_EVERY,
    quiet: bool = True,
) -> Run:
    """Train into a new run folder.

    >>> import vaeport_train
    >>> run = vaeport_train.fit("runs/short", settings={"training.epochs": 1})
    >>> run.history[-1].held_out.classification_error < 0.3
    True

    Args:
        folder: is made; nothing but an empty folder may stand there.
        data: see `Data`.
        preset: a shipped preset (`mlp`, `conv`, `blog`) or a TOML file.
        settings: values that differ from the preset's, by key.
        network: networks of your own in place of the preset's; see `vaeport_train.networks.own`.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        data_dir: folder of a published data set's original files.
        folder_options: how a folder of images is read.
        save_every: seconds after which a state to go on from is saved within an epoch.
        quiet: no progress bar.

    Raises:
        InputError: an argument, the data or the networks do not fit; the folder is taken.
        DeviceError: the device is not available.
        DivergedError: the loss became no number.
    """
    place = _device(device)
    dataset = _dataset(data, data_dir, folder_options)
    if environment().first:
        runs.check_folder(Path(folder))
    own = _own(network, dataset, place) if network is not None else None
    config = load_preset(preset, settings, network=own.config if own else None)
    with _memory_of(place):
        path = runs.fit(
            folder,
            preset_label(preset),
            config,
            dataset,
            device=place,
            files=own.files if own else None,
            quiet=quiet,
            save_every=save_every,
        )
    return _run(path, place)


def resume(
    folder: str | os.PathLike[str],
    *,
    data: Data | None = None,
    device: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    strict: bool = False,
    save_every: float = runs.SAVE_EVERY,
    quiet: bool = True,
) -> Run:
    """Go on with a run from where it was saved last; one that has ended stays as it is.

    >>> import vaeport_train
    >>> vaeport_train.resume("runs/short").history[-1].epoch
    1

    Args:
        folder: the run folder.
        data: the data that it began with; None finds published data again by name.
        device: as of `fit`; it may be another than before.
        data_dir: as of `fit`.
        strict: whether an unreadable file in a folder of images is an error.
        save_every: as of `fit`.
        quiet: as of `fit`.

    Raises:
        InputError: there is no such run, a file is damaged, or the data is other than it began with.
        DeviceError: the device is not available.
        DivergedError: the loss became no number.
    """
    place = _device(device)
    dataset = dataset_of_run(folder, load_record(Path(folder)).data, data, data_dir=data_dir, strict=strict)
    with _memory_of(place):
        path = runs.resume(folder, dataset, device=place, quiet=quiet, save_every=save_every)
    return _run(path, place)


def evaluate(
    folder: str | os.PathLike[str],
    *,
    data: Data | None = None,
    device: str = "auto",
    splits: Sequence[str] = SPLITS,
    probe: bool = False,
    likelihood: Sampling | None = None,
    judge: Judge | str | os.PathLike[str] | None = None,
    judged_images: int = 10_000,
    data_dir: str | os.PathLike[str] | None = None,
    strict: bool = False,
) -> dict[str, Figures]:
    """Measure a run, or a bundle of ours, on a data set; a run keeps the figures in its `evaluation.json`.

    >>> import vaeport_train
    >>> figures = vaeport_train.evaluate("runs/short", splits=["held-out"])
    >>> figures["mnist-5k held-out"].images
    500

    Args:
        folder: run folder, or a bundle by path or shipped name.
        data: as of `resume`, or other images of the same classes and size.
        device: as of `fit`.
        splits: `train`, `held-out`, `test`: which images are looked at.
        probe: whether to read the class from `z_mean` with probes.
        likelihood: how -log p(x | y) is estimated; None leaves it out.
        judge: a classifier that judges drawn images, or its file.
        judged_images: how many are drawn.
        data_dir: as of `fit`.
        strict: as of `resume`.

    Returns:
        Figures by `<data set> <split>`.

    Raises:
        InputError: there is no such run or bundle, a file is damaged, or the data does not fit.
        DeviceError: the device is not available.
    """
    place = _device(device)
    trained = load_trained(folder)
    dataset = dataset_of_run(folder, trained.checkpoint.record.data, data, data_dir=data_dir, strict=strict)
    options = MeasureOptions(
        probe=probe,
        likelihood=likelihood,
        judge=judge if isinstance(judge, Judge) or judge is None else load_judge(judge),
        judged_images=judged_images,
        splits=tuple(splits),
    )
    with _memory_of(place):
        return evaluate_trained(trained, dataset, options, device=place)


def judge(
    file: str | os.PathLike[str],
    *,
    data: Data = "mnist-5k",
    epochs: int = 20,
    hold_out: bool = False,
    device: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    folder_options: FolderOptions | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Judge:
    """Train a classifier that shares nothing with the models, for `evaluate`'s `judge`, and write it to a file.

    >>> import vaeport_train
    >>> judge = vaeport_train.judge("judge.safetensors", epochs=1)
    >>> judge.record.measured_images
    500

    Args:
        file: where it is written.
        data: see `Data`.
        epochs: passes over the images.
        hold_out: leave the held-out images out and measure on them, in place of the test images.
        device: as of `fit`.
        data_dir: as of `fit`.
        folder_options: as of `fit`.
        progress: called with the number of images learned from since the last call.

    Raises:
        InputError: the data does not fit, or a folder stands in the file's place.
        DeviceError: the device is not available.
        DivergedError: the loss became no number.
    """
    if Path(file).is_dir():
        raise InputError(f"{file} is a folder; give the name of a file to write")
    place = _device(device)
    dataset = _dataset(data, data_dir, folder_options)
    with _memory_of(place):
        trained = train_judge(dataset, JudgeRecipe(epochs=epochs), hold_out=hold_out, device=place, progress=progress)
    save_judge(file, trained)
    return trained


def dataset_of_run(
    folder: str | os.PathLike[str],
    known: DataRecord,
    data: Data | None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    strict: bool = False,
) -> Dataset:
    """The data that is given, else what a run was trained on, brought to the run's image size.

    Raises:
        InputError: the run was trained on images that only their owner can find.
    """
    if data is None and known.name not in NAMES:
        raise InputError(f"{folder} was trained on your own images, {known.name!r}; give them again (--data)")
    return _dataset(known.name if data is None else data, data_dir, FolderOptions(known.image_shape, strict))


def _dataset(data: Data, data_dir: str | os.PathLike[str] | None, folder_options: FolderOptions | None) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple):
        return dataset_of_arrays(*data)
    return load_dataset(data, data_dir=data_dir, folder_options=folder_options)


def _device(name: str) -> torch.device:
    processes = environment()
    return resolve_device(name, local_rank=processes.local_rank, processes=processes.count)


def _own(network: Network, dataset: Dataset, device: torch.device) -> OwnNetworks:
    shapes = Shapes(dataset.image_shape, 0, len(dataset.class_names))
    return adopt(network if isinstance(network, str) else _factory_of(network), shapes, on=device)


def _factory_of(network: Callable[..., Any]) -> str:
    """`FILE.py:NAME` of a function or class."""
    name = getattr(network, "__qualname__", type(network).__name__)
    try:
        file = inspect.getsourcefile(inspect.unwrap(network))
    except TypeError:
        file = None
    if file is None or not Path(file).is_file() or not name.isidentifier():
        raise InputError(
            f"network {name} must be a function or class at the top of a .py file, so that the run can keep its code; "
            "write it to a file and give FILE.py:NAME"
        )
    return f"{file}:{name}"


def _run(folder: Path, device: torch.device) -> Run:
    if not environment().first:
        return Run(folder, (), str(device))
    epochs = load_record(folder).config.training.epochs
    return Run(folder, tuple(load_history(folder, epochs=epochs)), str(device))


@contextmanager
def _memory_of(device: torch.device) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InputError(f"{device} ran out of memory; take a smaller training.batch_size") from error
