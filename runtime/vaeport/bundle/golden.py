"""`golden.npz`: fixed inputs of both graphs and what PyTorch, and graphs below float32, answered to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS, IMAGE, Shapes, Z
from ..errors import BundleError
from ..images.scaling import from_uint8
from .arrays import ArraysFile

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
    file = ArraysFile(content, GOLDEN_FILE)
    rows = {graph: _rows(file, f"{graph}.{spec.inputs[0]}") for graph, spec in GRAPHS.items()}
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "labels": ("int64", rows[ENCODER_CLASSIFIER]),
        f"{ENCODER_CLASSIFIER}.{IMAGE}": ("uint8", (*rows[ENCODER_CLASSIFIER], *shapes.image)),
        f"{DECODER}.{Z}": ("float32", (*rows[DECODER], shapes.latent_dim)),
        f"{DECODER}.{CLASS_PROBS}": ("float32", (*rows[DECODER], shapes.classes)),
    }
    lower = [precision for precision in precisions if precision != FP32]
    for graph, spec in GRAPHS.items():
        for kind, dtype in (*((dtype, dtype) for dtype in REFERENCES), *((each, "float32") for each in lower)):
            for name in spec.outputs:
                wanted[f"{graph}.{name}.{kind}"] = (dtype, (*rows[graph], *shapes.row(name)))
    for name, (dtype, shape) in wanted.items():
        header = file.headers.get(name)
        if header is None or header.dtype.newbyteorder("=") != np.dtype(dtype) or header.shape != shape:
            raise BundleError(f"{GOLDEN_FILE} must hold {name!r} as {dtype} {list(shape)}")
    arrays = file.read(list(wanted))

    def answers(graph: str, kind: str) -> Arrays:
        return {name: arrays[f"{graph}.{name}.{kind}"] for name in GRAPHS[graph].outputs}

    return Golden(
        images=arrays[f"{ENCODER_CLASSIFIER}.{IMAGE}"],
        labels=arrays["labels"],
        z=arrays[f"{DECODER}.{Z}"],
        class_probs=arrays[f"{DECODER}.{CLASS_PROBS}"],
        answers={graph: {dtype: answers(graph, dtype) for dtype in REFERENCES} for graph in GRAPHS},
        lower={graph: {precision: answers(graph, precision) for precision in lower} for graph in GRAPHS},
    )


def _rows(file: ArraysFile, name: str) -> tuple[int, ...]:
    header = file.headers.get(name)
    rows = () if header is None else header.shape[:1]
    if rows == (0,):
        raise BundleError(f"{GOLDEN_FILE} holds no rows of {name!r}")
    return rows
