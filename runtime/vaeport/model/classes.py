"""The classes of a model, by name, by index, or as probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..bundle.manifest import Manifest
from ..common.arguments import as_integer, shown
from ..common.arrays import check_rows, plain_array
from ..errors import InputError, LabelError

LabelLike = str | int
"""A class by its name, or by its index in `Model.labels`."""

Labels = LabelLike | Sequence[LabelLike] | NDArray[np.generic]
"""One class for all rows, one a row, or class probabilities as float [N, K]."""

_SLACK = 1e-3
"""How far a probability may be off its range: that of fp16 and int8 classifiers, whose answers are drawn again."""

_SHOWN_LABELS = 20
"""Labels that an error lists."""


def label_index(manifest: Manifest, label: object) -> int:
    """Index of a class.

    Args:
        manifest: whose classes.
        label: a class by name, or by a Python or numpy integer.

    Raises:
        LabelError: no such class.
    """
    if isinstance(label, np.ndarray) and label.ndim == 0:
        label = label[()]
    if isinstance(label, str):
        name = str.__str__(label)
        if name in manifest.labels:
            return manifest.labels.index(name)
    else:
        index = as_integer(label)
        if index is not None and 0 <= index < len(manifest.labels):
            return index
    known = manifest.labels[:_SHOWN_LABELS]
    others = len(manifest.labels) - len(known)
    more = f" and {others} more" if others else ""
    raise LabelError(f"unknown label {shown(label)}; {manifest.name} knows {', '.join(known)}{more}")


def label_names(manifest: Manifest, labels: Sequence[LabelLike] | None) -> tuple[str, ...]:
    """Names of the classes that were asked for, all of them for None.

    Raises:
        LabelError: no such class.
    """
    if labels is None:
        return manifest.labels
    many = _listed(labels)
    return tuple(manifest.labels[label_index(manifest, label)] for label in ([labels] if many is None else many))


def class_probs(manifest: Manifest, labels: Labels, n: int) -> NDArray[np.float32]:
    """Class probabilities for the decoder, float32 [n, K].

    Args:
        manifest: whose classes.
        labels: one class for all rows, or one a row; or probabilities in [0, 1], float [n, K].
        n: rows.

    Raises:
        InputError: a number of rows or a shape that does not fit, or a row with a number that is no probability.
        LabelError: no such class.
    """
    classes = len(manifest.labels)
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
        return _given_probs(labels, (n, classes))
    probs = np.zeros((n, classes), np.float32)
    many = _listed(labels)
    if many is None:
        probs[:, label_index(manifest, labels)] = 1
        return probs
    if len(many) != n:
        raise InputError(f"{len(many)} labels given for {n} latents; give one for all, or one a row")
    for row, label in enumerate(many):
        probs[row, label_index(manifest, label)] = 1
    return probs


def _given_probs(labels: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.float32]:
    if labels.shape != shape:
        raise InputError(
            f"class probabilities have shape {list(labels.shape)}, but must be finite numbers {list(shape)}"
        )
    probs = plain_array(labels, "labels")
    check_rows(probs, "the class probabilities", least=-_SLACK, most=1 + _SLACK)
    with np.errstate(all="ignore"):  # 1e-300 is 0 in float32
        return np.array(probs, np.float32)


def _listed(labels: Labels) -> Sequence[LabelLike] | NDArray[np.generic] | None:
    """The labels if they are several, one by one and not yet read; None for a single one."""
    if isinstance(labels, np.ndarray):
        return plain_array(labels, "labels") if labels.ndim else None
    if isinstance(labels, Sequence) and not isinstance(labels, str | bytes | bytearray | memoryview):
        return labels
    return None
