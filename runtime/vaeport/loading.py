"""From a bundle's path or name to a model."""

from __future__ import annotations

import os

from .bundle import open_bundle
from .contract import FP32
from .loaded import CHUNK_ROWS
from .model import Model
from .sessions import Providers, SessionOptions


def load(
    path_or_name: str | os.PathLike[str],
    *,
    precision: str = FP32,
    device: str = "cpu",
    threads: int | None = None,
    spinning: bool | None = None,
    providers: Providers | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Model:
    """Open a bundle, check its seal and make it ready to answer.

    Args:
        path_or_name: a bundle folder, or the name of a bundle that ships with vaeport.
        precision: which of the bundle's precisions to run.
        device: `cpu`, `cuda`, `cuda:N` or `auto`; a device that would not run is an error, only `auto` may fall back.
        threads: threads inside an operator; None takes what CPU affinity and container quota allow.
        spinning: whether waiting threads burn their processor a while, for speed; None lets those of graphs of 32 MB
            and more.
        providers: onnxruntime execution providers to pass through as they are, instead of those of `device`.
        chunk_rows: rows that meet a session at once; memory grows with it, answers do not change beyond rounding.

    Raises:
        BundleNotFoundError, BundleError, SealError: the bundle is not there, not readable, or not as it was sealed.
        InputError: an option out of its range.
    """
    options = SessionOptions(device, threads, spinning, None if providers is None else tuple(providers))
    return Model(open_bundle(path_or_name), precision=precision, options=options, chunk_rows=chunk_rows)
