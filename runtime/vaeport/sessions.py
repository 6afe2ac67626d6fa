"""onnxruntime sessions: the device that was asked for runs, or an error says why not."""

import importlib
import importlib.metadata
import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .errors import BundleError, DeviceError, InputError
from .extras import needs_extra
from .threads import usable_processors

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"

_MOST_THREADS = 1024

Providers = Sequence[str | tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class SessionOptions:
    """How a session shall run; plain values, so that they travel between processes."""

    device: str = "cpu"
    """`cpu`, `cuda`, `cuda:N` or `auto`."""
    threads: int | None = None
    """Threads inside one operator; None takes what affinity and container quota allow."""
    providers: tuple[str | tuple[str, dict[str, Any]], ...] | None = None
    """Execution providers passed to onnxruntime as they are, instead of those of `device`."""

    def __post_init__(self) -> None:
        parse_device(self.device)
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            raise InputError(f"threads is {self.threads}, but must be from 1 to {_MOST_THREADS}, or None")


@dataclass(frozen=True)
class OpenSession:
    """A session and where it really runs."""

    session: Any
    """onnxruntime.InferenceSession."""
    device: str
    """`cpu` or `cuda:N`; with `providers` given, the first provider that runs."""
    providers: tuple[str, ...]
    """Execution providers of the session, the first preferred."""


def open_session(model: bytes, options: SessionOptions) -> OpenSession:
    """Make a session from the bytes of an ONNX file.

    Raises:
        DeviceError: the requested device would not run it.
        BundleError: onnxruntime cannot load the graph.
        MissingExtraError: no onnxruntime is installed.
    """
    ort = import_onnxruntime()
    if options.providers is not None:
        _check_available(ort, options.providers)
        session = _make(ort, model, options, list(options.providers))
        running = tuple(session.get_providers())
        asked = options.providers[0] if options.providers else running[0]
        if running[0] != (asked if isinstance(asked, str) else asked[0]):
            raise DeviceError(f"provider {asked} was asked for first, but {running[0]} would run")
        return OpenSession(session, running[0], running)
    kind, index = parse_device(options.device)
    if kind in ("cuda", "auto"):
        reason = why_no_cuda(ort)
        if reason is None:
            opened, reason = _try_cuda(ort, model, options, index)
            if opened is not None:
                return opened
        if kind == "cuda":
            raise DeviceError(f"device {options.device!r} was asked for, but {reason}; use device='cpu' or 'auto'")
    session = _make(ort, model, options, [CPU_PROVIDER])
    return OpenSession(session, "cpu", tuple(session.get_providers()))


def parse_device(device: str) -> tuple[str, int]:
    """Split a device name into kind and index.

    Raises:
        InputError: it is none of `cpu`, `cuda`, `cuda:N`, `auto`.
    """
    kind, colon, index = device.partition(":")
    if device in ("cpu", "cuda", "auto"):
        return kind, 0
    if kind == "cuda" and colon and index.isascii() and index.isdigit():
        return kind, int(index)
    raise InputError(f"device is {device!r}, but must be 'cpu', 'cuda', 'cuda:N' or 'auto'")


def why_no_cuda(ort: ModuleType) -> str | None:
    """Why this onnxruntime cannot try CUDA, in words that say what to install; None if it can."""
    if CUDA_PROVIDER in ort.get_available_providers():
        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
        return None
    if _installed("onnxruntime") and _installed("onnxruntime-gpu"):
        return (
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other "
            "(pip uninstall both, then pip install 'vaeport[cuda]')"
        )
    return "the installed onnxruntime has no CUDA (pip uninstall onnxruntime, then pip install 'vaeport[cuda]')"


def import_onnxruntime() -> ModuleType:
    """Import onnxruntime with its telemetry off; from 1.29 on it is on by default and writes files at import.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    with needs_extra("cpu"):
        ort = importlib.import_module("onnxruntime")
        if not hasattr(ort, "InferenceSession"):
            raise ModuleNotFoundError("an empty folder is left of it", name="onnxruntime")
    return ort


def _check_available(ort: ModuleType, providers: Providers) -> None:
    available = ort.get_available_providers()
    for provider in providers:
        name = provider if isinstance(provider, str) else provider[0]
        if name not in available:
            raise DeviceError(f"this onnxruntime has no {name}; it has {', '.join(available)}")


def _try_cuda(ort: ModuleType, model: bytes, options: SessionOptions, index: int) -> tuple[OpenSession | None, str]:
    """A session that runs on the GPU, or None and the reason."""
    try:
        session = _make(ort, model, options, [(CUDA_PROVIDER, {"device_id": index}), CPU_PROVIDER])
    except BundleError as error:
        return None, f"onnxruntime could not start CUDA ({error})"
    running = tuple(session.get_providers())
    if running[0] == CUDA_PROVIDER:
        return OpenSession(session, f"cuda:{index}", running), ""
    return (
        None,
        "onnxruntime could not start CUDA: no usable GPU or driver, or a CUDA or cuDNN library that did not load",
    )


def _make(ort: ModuleType, model: bytes, options: SessionOptions, providers: list[Any]) -> Any:
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads or usable_processors()
    settings.inter_op_num_threads = 1
    # Waiting threads would otherwise spin and burn a processor in an idle app.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.log_severity_level = 4  # a fall-back is found by asking the session, and told in our own words
    try:
        # onnxruntime would retry a failed provider on the CPU and print about it.
        return ort.InferenceSession(model, settings, providers=providers, enable_fallback=0)
    except Exception as error:
        raise BundleError(f"onnxruntime {ort.__version__} cannot load the graph: {first_line(error)}") from error


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def first_line(error: Exception) -> str:
    """The first line of an error, or its name where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
