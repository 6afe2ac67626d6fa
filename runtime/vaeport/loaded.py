"""A bundle with its sessions: what it is, what it runs on, and its way between threads and processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle, open_bundle
from .contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, IMAGE, Z
from .engine import Engine
from .errors import BundleError, InputError
from .results import Encoding
from .sessions import SessionOptions

CHUNK_ROWS = 256
"""Rows that meet a session at once by default; larger batches are cut, so that memory stays bounded."""

Rows = NDArray[np.float32]


class LoadedBundle:
    """Two graphs of one bundle; a graph is loaded at its first use.

    Threads may share it. It can be pickled: bundle path and options travel, the bundle is opened and checked anew.
    After a fork the child's sessions open anew. `close`, or `with`, lets the sessions go.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        precision: str = FP32,
        options: SessionOptions | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        known = bundle.manifest.precisions
        if precision not in known:
            raise BundleError(f"{bundle.path} has no precision {precision!r} (it has {', '.join(known)})")
        if chunk_rows < 1:
            raise InputError(f"chunk_rows is {chunk_rows}, but must be at least 1")
        self.bundle = bundle
        self.precision = precision
        self.chunk_rows = chunk_rows
        self._engine = Engine(bundle, precision, options or SessionOptions())

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.bundle.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of `class_probs`."""
        return self.bundle.manifest.labels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.bundle.manifest.shapes.image

    @property
    def latent_dim(self) -> int:
        """Z, the dimensions of the latent."""
        return self.bundle.manifest.shapes.latent_dim

    @property
    def device(self) -> str:
        """Device that really runs, `cpu` or `cuda:N`; opens the encoder's session to find out."""
        return self._engine.opened(ENCODER_CLASSIFIER).device

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that really run, the first preferred; opens the encoder's session to find out."""
        return self._engine.opened(ENCODER_CLASSIFIER).providers

    def close(self) -> None:
        """Let the sessions go; the model answers no more."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _reopened, (type(self), str(self.bundle.path), self.precision, self._engine.options, self.chunk_rows)

    def _cut(self, rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        return (rows[first : first + self.chunk_rows] for first in range(0, len(rows), self.chunk_rows))

    def _encode(self, n: int, batches: Iterable[NDArray[np.float32]], out: Encoding | None = None) -> Encoding:
        given = None if out is None else (out.z_mean, out.z_logvar, out.class_probs)
        feeds = ({IMAGE: batch} for batch in batches)
        z_mean, z_logvar, probs = self._engine.run(ENCODER_CLASSIFIER, n, feeds, out=given)
        return Encoding(z_mean, z_logvar, probs)

    def _decode(self, z: Rows, probs: Rows, out: Rows | None) -> Rows:
        feeds = ({Z: some, CLASS_PROBS: p} for some, p in zip(self._cut(z), self._cut(probs), strict=True))
        (pixels,) = self._engine.run(DECODER, len(z), feeds, out=None if out is None else [out])
        return pixels


def _reopened(
    kind: type[LoadedBundle], path: str, precision: str, options: SessionOptions, chunk_rows: int
) -> LoadedBundle:
    return kind(open_bundle(path), precision=precision, options=options, chunk_rows=chunk_rows)
