"""What a comparison ran on: the processor with its instruction set, and what the libraries were limited to."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/")

LIMITS = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENCV_CPU_DISABLE",
    "VAEPORT_PARITY_TARGET_CPU",
)
"""Environment variables that keep a library from instructions that the processor has."""

_X86_V2 = frozenset({"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"})
_X86_V3 = _X86_V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}
_X86_V4 = _X86_V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_ARM_V81 = frozenset({"atomics", "asimdrdm"})
_ARM_V82 = _ARM_V81 | {"dcpop", "fphp", "asimdhp"}
_ARM_V84 = _ARM_V82 | {"asimddp", "flagm", "uscat"}
_ARM_V86 = _ARM_V84 | {"bf16", "i8mm"}

_LEVELS = {
    "x86_64": {"x86-64-v4": _X86_V4, "x86-64-v3": _X86_V3, "x86-64-v2": _X86_V2, "x86-64-v1": frozenset()},
    "aarch64": {
        "armv8.6-a": _ARM_V86,
        "armv8.4-a": _ARM_V84,
        "armv8.2-a": _ARM_V82,
        "armv8.1-a": _ARM_V81,
        "armv8.0-a": frozenset(),
    },
}
_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}  # what other systems call them

_MATTER = {
    "x86_64": ("sse4_2", "avx", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    "aarch64": ("asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2", "sme"),
}
_AMX = ("amx_tile", "amx_bf16", "amx_int8")
_ARM_PARTS = {
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse N1",
    ("0x41", "0xd40"): "Neoverse V1",
    ("0x41", "0xd49"): "Neoverse N2",
    ("0x41", "0xd4f"): "Neoverse V2",
    ("0x46", "0x001"): "A64FX",
}


@dataclass(frozen=True)
class Processor:
    """What decides which kernels a library picks."""

    name: str
    """Model, such as `AMD EPYC`."""
    architecture: str
    """`x86_64`, `aarch64`, ..."""
    level: str
    """What programs can be built for, such as `x86-64-v3` or `armv8.2-a`; the architecture where it is unknown."""
    features: tuple[str, ...] = ()
    """Those that matter for arithmetic: `avx2`, `avx512f`, `avx512_vnni`, `avx512_bf16`, `amx`, `asimddp`, ..."""
    limits: tuple[str, ...] = ()
    """What keeps libraries from some of them, such as `ATEN_CPU_CAPABILITY=avx2`."""

    def __str__(self) -> str:
        """`AMD EPYC, x86-64-v4 (avx2, avx512f), limited by ATEN_CPU_CAPABILITY=avx2`."""
        features = f" ({', '.join(self.features)})" if self.features else ""
        limits = f", limited by {', '.join(self.limits)}" if self.limits else ""
        return f"{self.name}, {self.level}{features}{limits}"


def processor(root: Path = _ROOT, *, variables: Mapping[str, str] | None = None, architecture: str = "") -> Processor:
    """The processor that the system shows.

    Args:
        root: where `proc` is mounted.
        variables: environment variables; those of this process if None.
        architecture: as `platform.machine()` says it, which is asked if empty.
    """
    given = os.environ if variables is None else variables
    said = architecture or platform.machine()
    machine_name = _NAMES.get(said.lower(), said)
    lines = _lines(root)
    flags = set((lines.get("flags") or lines.get("Features") or "").split())
    matter = tuple(name for name in _MATTER.get(machine_name, ()) if name in flags)
    return Processor(
        _model(lines),
        machine_name,
        _level(machine_name, flags),
        (*matter, *(("amx",) if flags.issuperset(_AMX) else ())),
        tuple(f"{name}={given[name]}" for name in LIMITS if given.get(name)),
    )


def machine(root: Path = _ROOT) -> str:
    """Model of the processor and number of cores that the system shows, such as `AMD EPYC 9B45, 2 cores`.

    Args:
        root: where `proc` is mounted.
    """
    cores = os.cpu_count() or 1
    return f"{_model(_lines(root))}, {cores} core{'s' * (cores > 1)}"


def _lines(root: Path) -> dict[str, str]:
    """What is said of the first processor."""
    try:
        text = (root / "proc/cpuinfo").read_text()
    except (OSError, ValueError):
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if value.strip():
            found.setdefault(name.strip(), value.strip())
    return found


def _model(lines: Mapping[str, str]) -> str:
    part = (lines.get("CPU implementer", ""), lines.get("CPU part", ""))
    known = lines.get("model name") or _ARM_PARTS.get(part)
    return known or platform.processor() or platform.machine()


def _level(architecture: str, flags: set[str]) -> str:
    """The highest level whose every feature is there; the architecture where nothing is known of it."""
    levels = _LEVELS.get(architecture, {}) if flags else {}
    return next((name for name, needed in levels.items() if flags >= needed), architecture)
