"""`golden.npz`: fixed inputs of both graphs and what PyTorch, and graphs below float32, answered to them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS, IMAGE, Shapes, Z
from ..errors import BundleError
from ..images.scaling import from_uint8

Arrays = dict[str, NDArray[np.floating]]
"""Tensors of a graph by name."""

REFERENCES = ("float32", "float64")
"""Precisions in which PyTorch answered."""


@dataclass(frozen=True, eq=False)
class Golden:
    """Inputs and answers of both graphs, the same number of rows for all tensors of a graph."""

    images: NDArray[np.uint8]
    """uint8 [G, C, H, W], raw pixels; the graph gets them divided by 255 in float32."""
    labels: NDArray[np.int64]
    """int64 [G], true class of each image, -1 where it has none."""
    z: NDArray[np.float32]
    """float32 [D, Z], latents for the decoder."""
    class_probs: NDArray[np.float32]
    """float32 [D, K], classes for the decoder."""
    answers: dict[str, dict[str, Arrays]]
    """PyTorch's: by graph, then `float32` or `float64`, then output name."""
    lower: dict[str, dict[str, Arrays]] = field(default_factory=dict)
    """Those of the graphs below float32, in onnxruntime without its rewriting: by graph, precision, output name."""

    def references(self, graph: str, precision: str) -> tuple[Arrays, ...]:
        """What a graph of a precision must answer: as PyTorch in both of its own, or as that very graph did."""
        return tuple(self.answers[graph].values()) if precision == FP32 else (self.lower[graph][precision],)

    def inputs(self, graph: str) -> dict[str, NDArray[np.float32]]:
        """Inputs of a graph by name, float32."""
        if graph == ENCODER_CLASSIFIER:
            return {IMAGE: from_uint8(self.images)}
        return {Z: self.z, CLASS_PROBS: self.class_probs}

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The content of the file, by array name."""
        arrays: dict[str, NDArray[np.generic]] = {
            "labels": self.labels,
            f"{ENCODER_CLASSIFIER}.{IMAGE}": self.images,
            f"{DECODER}.{Z}": self.z,
            f"{DECODER}.{CLASS_PROBS}": self.class_probs,
        }
        for by_graph in (self.answers, self.lower):
            for graph, precisions in by_graph.items():
                for precision, outputs in precisions.items():
                    arrays |= {f"{graph}.{name}.{precision}": values for name, values in outputs.items()}
        return arrays


def parse_golden(content: bytes, shapes: Shapes, precisions: Sequence[str] = (FP32,)) -> Golden:
    """Read the bytes of a `golden.npz`; nothing is unpickled.

    Args:
        content: the file.
        shapes: sizes of the tensors.
        precisions: those of the bundle whose answers are wanted.

    Raises:
        BundleError: not such a file, or an array missing or of another shape or type.
    """
    arrays = _load(content)
    rows = {graph: np.shape(arrays.get(f"{graph}.{spec.inputs[0]}", 0))[:1] for graph, spec in GRAPHS.items()}
    if empty := [graph for graph, size in rows.items() if size == (0,)]:
        raise BundleError(f"{GOLDEN_FILE} holds no rows for {empty[0]}")

    def take(name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        array: NDArray[Any] | None = arrays.get(name)
        if array is None or array.dtype != np.dtype(dtype) or array.shape != shape:
            raise BundleError(f"{GOLDEN_FILE} must hold {name!r} as {dtype} {list(shape)}")
        return array

    def answers(graph: str, precision: str, dtype: str) -> Arrays:
        return {
            name: take(f"{graph}.{name}.{precision}", dtype, (*rows[graph], *shapes.row(name)))
            for name in GRAPHS[graph].outputs
        }

    images, drawn = rows[ENCODER_CLASSIFIER], rows[DECODER]
    return Golden(
        images=take(f"{ENCODER_CLASSIFIER}.{IMAGE}", "uint8", (*images, *shapes.image)),
        labels=take("labels", "int64", images),
        z=take(f"{DECODER}.{Z}", "float32", (*drawn, shapes.latent_dim)),
        class_probs=take(f"{DECODER}.{CLASS_PROBS}", "float32", (*drawn, shapes.classes)),
        answers={graph: {dtype: answers(graph, dtype, dtype) for dtype in REFERENCES} for graph in GRAPHS},
        lower={
            graph: {precision: answers(graph, precision, "float32") for precision in precisions if precision != FP32}
            for graph in GRAPHS
        },
    )


def _load(content: bytes) -> dict[str, NDArray[Any]]:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise BundleError(f"{GOLDEN_FILE} cannot be read: it is no .npz file")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:
        raise BundleError(f"{GOLDEN_FILE} cannot be read: {' '.join(str(error).split())}") from error
