"""onnxruntime sessions: the device that was asked for runs, or an error says why not."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..common.arguments import flag, shown, text, whole_number
from ..common.extras import needs_extra
from ..errors import BundleError, DeviceError, InputError
from .devices import CUDA_PROVIDER, parse_device, preload_cuda, why_no_cuda
from .threads import usable_processors

CPU_PROVIDER = "CPUExecutionProvider"

SPINNING_FROM_BYTES = 32_000_000
"""Size of a graph from which its waiting threads may spin by default: below, the app's idle time is worth more."""

_MOST_THREADS = 1024

_SILENT, _WARNINGS = 4, 2
"""Severities of onnxruntime's log: fatal errors only, and its own default."""

Providers = Sequence[str | tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class SessionOptions:
    """How a session shall run; plain values, so that they travel between processes."""

    device: str = "cpu"
    """`cpu`, `cuda`, `cuda:N` or `auto`."""
    threads: int | None = None
    """Threads inside one operator; None takes what affinity and container quota allow."""
    spinning: bool | None = None
    """Whether waiting threads burn their processor a while, for speed; None goes by `SPINNING_FROM_BYTES`."""
    providers: tuple[str | tuple[str, dict[str, Any]], ...] | None = None
    """Execution providers passed to onnxruntime as they are, instead of those of `device`."""

    def __post_init__(self) -> None:
        read: dict[str, object] = {"device": text(self.device, "device"), "providers": read_providers(self.providers)}
        parse_device(text(self.device, "device"))
        if self.threads is not None:
            read["threads"] = whole_number(self.threads, "threads", least=1, most=_MOST_THREADS)
        if self.spinning is not None:
            read["spinning"] = flag(self.spinning, "spinning")
        for name, value in read.items():  # numpy's numbers and strings become Python's, which travel anywhere
            object.__setattr__(self, name, value)


def read_providers(value: object) -> tuple[str | tuple[str, dict[str, Any]], ...] | None:
    """Read execution providers.

    Args:
        value: a list or tuple of names, or of pairs of a name and its options; None for none given.

    Raises:
        InputError: something else, or an empty list.
    """
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value:
        raise InputError(f"providers is {shown(value)}, but must be a list of onnxruntime's execution providers")
    return tuple(_read_provider(provider) for provider in value)


def _read_provider(provider: object) -> str | tuple[str, dict[str, Any]]:
    if isinstance(provider, list | tuple) and len(provider) == 2 and isinstance(provider[1], dict):
        return text(provider[0], "the name of a provider"), dict(provider[1])
    return text(provider, "a provider")


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
    not_loaded = preload_cuda(ort)
    ort.set_default_logger_severity(_SILENT)  # its own lines about libraries say less than the error below
    try:
        session = _make(ort, model, options, [(CUDA_PROVIDER, {"device_id": index}), CPU_PROVIDER])
    except BundleError as error:
        return None, f"onnxruntime could not start CUDA ({not_loaded or error})"
    finally:
        ort.set_default_logger_severity(_WARNINGS)
    running = tuple(session.get_providers())
    if running[0] == CUDA_PROVIDER:
        return OpenSession(session, f"cuda:{index}", running), ""
    likely = "no usable GPU or driver, or a CUDA or cuDNN library that did not load"
    return None, f"onnxruntime could not start CUDA ({not_loaded or likely})"


def _make(ort: ModuleType, model: bytes, options: SessionOptions, providers: list[Any]) -> Any:
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads or usable_processors()
    settings.inter_op_num_threads = 1
    spinning = len(model) >= SPINNING_FROM_BYTES if options.spinning is None else options.spinning
    settings.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    # It would remember a plan of memory for every batch size that it ever sees, and saves no time here.
    settings.enable_mem_pattern = False
    settings.log_severity_level = _SILENT  # a fall-back is found by asking the session, and told in our own words
    try:
        # onnxruntime would retry a failed provider on the CPU and print about it.
        return ort.InferenceSession(model, settings, providers=providers, enable_fallback=0)
    except Exception as error:
        raise BundleError(f"onnxruntime {ort.__version__} cannot load the graph: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The first line of an error, or its name where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
