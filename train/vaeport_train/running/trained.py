"""A trained network, wherever it is kept: in a run folder, or sealed in a bundle."""

import os
from dataclasses import dataclass
from pathlib import Path

from vaeport.bundle.opening import Bundle, open_bundle, shipped_bundles
from vaeport.contract import CHECKPOINT_FOLDER, MANIFEST_FILE
from vaeport.errors import InputError

from .checkpoint import CONFIG_FILE, Checkpoint, RunRecord, load_checkpoint, load_record, parse_record, read_checkpoint


@dataclass(frozen=True, eq=False)
class Trained:
    """A network and where it is kept."""

    name: str
    """Its folder, for messages."""
    checkpoint: Checkpoint
    """The network and its record."""
    run: Path | None
    """Its run folder; None for a bundle, into which nothing may be written."""


def load_trained(path_or_name: str | os.PathLike[str]) -> Trained:
    """Load the network of a run folder, or of a bundle by path or shipped name, whose seal is checked first.

    Raises:
        InputError: neither stands there, a file is damaged, or the bundle came without its checkpoint.
        SealError: the bundle is not as it was sealed.
    """
    path = Path(path_or_name)
    if _is_bundle(path_or_name):
        bundle = open_bundle(path_or_name)
        checkpoint = sealed_checkpoint(bundle)
        if checkpoint.record.data.labels != bundle.manifest.labels:
            raise InputError(f"{bundle.path}: the checkpoint has other labels than the bundle")
        return Trained(str(bundle.path), checkpoint, None)
    _check_run(path)
    return Trained(str(path), load_checkpoint(path), path)


def recorded(path_or_name: str | os.PathLike[str]) -> RunRecord:
    """The record of a run folder or a bundle; nothing is built and no code is run.

    Raises:
        InputError, SealError: as of `load_trained`.
    """
    path = Path(path_or_name)
    if _is_bundle(path_or_name):
        bundle = open_bundle(path_or_name)
        _check_complete(bundle)
        return parse_record(
            bundle.read(f"{CHECKPOINT_FOLDER}/{CONFIG_FILE}"), bundle.path / CHECKPOINT_FOLDER / CONFIG_FILE
        )
    _check_run(path)
    return load_record(path)


def sealed_checkpoint(bundle: Bundle) -> Checkpoint:
    """The PyTorch original of a bundle; whether it has the bundle's labels, the caller must ask.

    Raises:
        InputError: the bundle came without it, or it is of another network.
        SealError: it is not the one that was sealed.
    """
    _check_complete(bundle)
    folder = bundle.path / CHECKPOINT_FOLDER
    return read_checkpoint(
        folder, lambda name: bundle.read(f"{CHECKPOINT_FOLDER}/{name}"), shapes=bundle.manifest.shapes
    )


def _is_bundle(path_or_name: str | os.PathLike[str]) -> bool:
    path = Path(path_or_name)
    return (path / MANIFEST_FILE).is_file() or (not path.exists() and str(path_or_name) in shipped_bundles())


def _check_run(path: Path) -> None:
    if not (path / CONFIG_FILE).is_file():
        raise InputError(f"{path} is no run folder: it holds no {CONFIG_FILE}; and no bundle: no {MANIFEST_FILE}")


def _check_complete(bundle: Bundle) -> None:
    if not bundle.has(CHECKPOINT_FOLDER):
        raise InputError(
            f"{bundle.path} came without its {CHECKPOINT_FOLDER}/, so there is no PyTorch original to work with; "
            "`vaeport verify` compares with PyTorch's recorded answers"
        )
