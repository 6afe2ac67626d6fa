"""What a machine has of all that vaeport needs, and what stands in its way."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from ..bundle.opening import open_bundle
from ..errors import MissingExtraError, VaeportError
from ..sessions.devices import installed_wheels, preload_cuda, why_no_cuda
from ..sessions.session import import_onnxruntime
from ..sessions.threads import Processors, processors

_PACKAGES = ("vaeport", "numpy", "pillow")

_OFF = "1"


@dataclass(frozen=True)
class Diagnosis:
    """Outcome of `diagnose`."""

    versions: dict[str, str]
    """Python, the packages that the runtime stands on, and every onnxruntime distribution that is installed."""
    providers: tuple[str, ...]
    """Execution providers that onnxruntime offers; empty where it cannot be imported."""
    cuda: str | None
    """Why CUDA is not there, None if nothing is known against it."""
    processors: Processors
    """What bounds the threads."""
    telemetry: str
    """`off`, or who turned it on."""
    bundle: str
    """Bundle that was looked at."""
    seal_holds: bool
    """Whether it could be opened, every file as it was sealed."""
    problems: tuple[str, ...]
    """What must be mended before vaeport can work, a sentence each."""

    @property
    def holds(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.problems


def diagnose(bundle: str | os.PathLike[str]) -> Diagnosis:
    """Look at versions, wheels, providers, threads and telemetry, and check a bundle's seal; raises nothing."""
    wheels = installed_wheels()
    problems = []
    if len(wheels) > 1:
        problems.append(
            f"{' and '.join(wheels)} are both installed and overwrite each other; pip uninstall both, then install one"
        )
    providers: tuple[str, ...] = ()
    try:
        ort = import_onnxruntime()
        providers = tuple(ort.get_available_providers())
        cuda = why_no_cuda(ort) or preload_cuda(ort) or None
    except MissingExtraError as error:
        cuda = str(error)
        problems.append(cuda)
    except (ImportError, OSError) as error:
        cuda = f"onnxruntime cannot be imported: {error}"
        problems.append(cuda)
    opened, seal_holds = str(bundle), False
    try:
        opened, seal_holds = str(open_bundle(bundle).path), True
    except (VaeportError, OSError) as error:
        problems.append(str(error))
    return Diagnosis(
        versions={"python": platform.python_version(), **_versions(), **wheels},
        providers=providers,
        cuda=cuda,
        processors=processors(),
        telemetry=_telemetry(),
        bundle=opened,
        seal_holds=seal_holds,
        problems=tuple(problems),
    )


def _versions() -> dict[str, str]:
    from importlib import metadata

    return {name: metadata.version(name) for name in _PACKAGES}


def _telemetry() -> str:
    value = os.environ.get("ORT_DISABLE_TELEMETRY")
    return "off" if value in (None, _OFF) else f"left to onnxruntime: ORT_DISABLE_TELEMETRY is {value!r}, not {_OFF!r}"
