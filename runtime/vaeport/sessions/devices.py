"""Which device runs, and why CUDA would not."""

from __future__ import annotations

import contextlib
import io
from types import ModuleType

from ..common.arguments import shown
from ..errors import InputError

CUDA_PROVIDER = "CUDAExecutionProvider"

WHEELS = ("onnxruntime", "onnxruntime-gpu")
"""Distributions that install into the same folder and overwrite each other."""

_MOST_DIGITS = 4
"""Of a GPU's number: no machine has more, and onnxruntime keeps it in 32 bits."""


def parse_device(device: str) -> tuple[str, int]:
    """Split a device name into kind and index.

    Raises:
        InputError: it is none of `cpu`, `cuda`, `cuda:N`, `auto`.
    """
    kind, colon, index = device.partition(":")
    if device in ("cpu", "cuda", "auto"):
        return kind, 0
    if kind == "cuda" and colon and index.isascii() and index.isdigit() and len(index) <= _MOST_DIGITS:
        return kind, int(index)
    raise InputError(f"device is {shown(device)}, but must be 'cpu', 'cuda', 'cuda:N' or 'auto'")


def why_no_cuda(ort: ModuleType) -> str | None:
    """Why this onnxruntime cannot try CUDA, in words that say what to install; None if it can."""
    if CUDA_PROVIDER in ort.get_available_providers():
        return None
    if len(installed_wheels()) > 1:
        return (
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other "
            "(pip uninstall both, then pip install 'vaeport[cuda]')"
        )
    return "the installed onnxruntime has no CUDA (pip uninstall onnxruntime, then pip install 'vaeport[cuda]')"


def preload_cuda(ort: ModuleType) -> str:
    """Load the CUDA and cuDNN libraries that pip packages bring, where there are any.

    Returns:
        The first library that did not load and why, in onnxruntime's words; empty if none is known.
    """
    if not hasattr(ort, "preload_dlls"):
        return ""
    told = io.StringIO()  # onnxruntime prints what it could not load
    with contextlib.redirect_stdout(told):
        try:
            ort.preload_dlls()
        except (OSError, RuntimeError) as error:
            print(error)
    return next((line for line in told.getvalue().splitlines() if line.startswith("Failed to load")), "")


def installed_wheels() -> dict[str, str]:
    """Versions of the onnxruntime distributions that are installed, by name; two are a conflict."""
    from importlib import metadata  # half as slow to import as numpy, and only needed when something is wrong

    found = {}
    for name in WHEELS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
