"""The classes of a model, by name, by index, or as probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..bundle.manifest import Manifest
from ..errors import InputError, LabelError

LabelLike = str | int
"""A class by its name, or by its index in `Model.labels`."""

Labels = LabelLike | Sequence[LabelLike] | NDArray[np.generic]
"""One class for all rows, one a row, or class probabilities as float [N, K]."""


def label_index(manifest: Manifest, label: LabelLike) -> int:
    """Index of a class.

    Raises:
        LabelError: no such class.
    """
    if isinstance(label, str):
        if label in manifest.labels:
            return manifest.labels.index(label)
    elif isinstance(label, int | np.integer) and not isinstance(label, bool) and 0 <= label < len(manifest.labels):
        return int(label)
    raise LabelError(f"unknown label {label!r}; {manifest.name} knows {', '.join(manifest.labels)}")


def label_names(manifest: Manifest, labels: Sequence[LabelLike] | None) -> tuple[str, ...]:
    """Names of the classes that were asked for, all of them for None.

    Raises:
        LabelError: no such class.
    """
    if labels is None:
        return manifest.labels
    return tuple(manifest.labels[label_index(manifest, label)] for label in _listed(labels, 1))


def class_probs(manifest: Manifest, labels: Labels, n: int) -> NDArray[np.float32]:
    """Class probabilities for the decoder, float32 [n, K].

    Raises:
        InputError: a number of rows or a shape that does not fit.
        LabelError: no such class.
    """
    classes = len(manifest.labels)
    if isinstance(labels, np.ndarray) and np.issubdtype(labels.dtype, np.floating):
        if labels.shape != (n, classes) or not np.isfinite(labels).all():
            raise InputError(
                f"class probabilities have shape {list(labels.shape)}, but must be finite numbers [{n}, {classes}]"
            )
        return labels.astype(np.float32)
    many = _listed(labels, n)
    if len(many) != n:
        raise InputError(f"{len(many)} labels given for {n} latents; give one for all, or one a row")
    probs = np.zeros((n, classes), np.float32)
    probs[np.arange(n), [label_index(manifest, label) for label in many]] = 1
    return probs


def _listed(labels: Labels, n: int) -> list[LabelLike]:
    if isinstance(labels, str | int | np.integer):
        return [labels] * n
    return list(labels) if isinstance(labels, Sequence | np.ndarray) else [labels] * n
