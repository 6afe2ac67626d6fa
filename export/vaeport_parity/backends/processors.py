"""Instruction sets that a backend can be limited to: by its own switch, else by an emulator of the processor."""

import dataclasses
import platform
from collections.abc import Mapping
from dataclasses import dataclass

from .base import Facts, environments_folder

TARGET_VARIABLE = "VAEPORT_PARITY_TARGET_CPU"
"""Tells compilers of graphs which processor to compile for, by LLVM's name; the one they run on where it is unset."""


@dataclass(frozen=True)
class Level:
    """An instruction set that programs are built for."""

    name: str
    """`x86-64-v3`, `armv8.2-a`, ..."""
    architecture: str
    """As `platform.machine()` says it."""
    emulated: str
    """Processor that qemu emulates for it."""
    compiled: str
    """LLVM's name of a processor with it."""
    said: str
    """What it has, in words."""


LEVELS: Mapping[str, Level] = {
    level.name: level
    for level in (
        Level("x86-64-v2", "x86_64", "Nehalem", "nehalem", "SSE4.2, without AVX"),
        Level("x86-64-v3", "x86_64", "Haswell", "haswell", "AVX2 and FMA, without AVX-512"),
        Level("armv8.0-a", "aarch64", "cortex-a72", "cortex-a72", "Neon, without half floats and dot products"),
        Level("armv8.2-a", "aarch64", "neoverse-n1", "neoverse-n1", "Neon, half floats and dot products"),
    )
}
"""Levels that can be asked for, by name."""

COMPILED = {
    level.name: {TARGET_VARIABLE: level.compiled} for level in LEVELS.values() if level.architecture == "x86_64"
}
"""Switches of a backend that compiles its graphs for `TARGET_VARIABLE`."""


def foreign_root(architecture: str) -> str:
    """Folder of the system of another architecture, which its environments share."""
    return str(environments_folder() / f"{architecture}-root")


def limited(facts: Facts, name: str, *, packages: tuple[str, ...]) -> Facts:
    """Facts of a backend that is limited to an instruction set.

    Args:
        facts: of the backend as it is.
        name: a key of `LEVELS`.
        packages: what an environment of its own needs, if it must have one.

    Raises:
        ValueError: there is no such level, or the backend cannot be limited to it; the text says why.
    """
    if name not in LEVELS:
        raise ValueError(f"unknown instruction set {name!r} in {facts.name}@{name}; known are {', '.join(LEVELS)}")
    level = LEVELS[name]
    whole = dataclasses.replace(
        facts, name=f"{facts.name}@{name}", environment=facts.environment or facts.name, limit=name
    )
    if name in facts.switches:
        switches = facts.switches[name]
        said = ", ".join(f"{variable}={value}" for variable, value in switches.items() if variable != TARGET_VARIABLE)
        return dataclasses.replace(
            whole,
            variables={**facts.variables, **switches},
            remark=_with(facts.remark, said or f"compiled for {level.compiled}"),
        )
    if facts.own_programs == "computes" or facts.npm_packages:
        raise ValueError(f"{facts.name} cannot be limited to {name}: it computes in programs that it starts itself")
    if platform.machine() != level.architecture:
        return _foreign(whole, level, packages)
    program = f"qemu-{level.architecture}-static"
    return dataclasses.replace(
        whole,
        programs=(*facts.programs, program),
        emulator=(program, "-cpu", level.emulated),
        remark=_with(facts.remark, f"on qemu's {level.emulated}: {level.said}"),
    )


def _foreign(facts: Facts, level: Level, packages: tuple[str, ...]) -> Facts:
    """Facts of a backend with wheels and a Python of another architecture."""
    if not packages:
        raise ValueError(f"{facts.name} cannot be had: the backend has no packages of its own to install for it")
    if facts.own_programs:
        raise ValueError(f"{facts.name} cannot be had: it converts graphs in a program that it starts itself")
    program, root = f"qemu-{level.architecture}-static", foreign_root(level.architecture)
    environment = f"{facts.name.partition('@')[0]}-{level.architecture}".replace("*", "x")
    return dataclasses.replace(
        facts,
        packages=packages,
        programs=(*facts.programs, program, "apt-get", "dpkg"),
        environment=environment,
        architecture=level.architecture,
        emulator=(program, "-cpu", level.emulated, "-L", root),
        variables={**facts.variables, "PYTHONPATH": str(environments_folder() / environment)},
        remark=_with(facts.remark, f"on qemu's {level.emulated}: {level.said}"),
    )


def _with(remark: str, more: str) -> str:
    return f"{remark}; {more}" if remark else more
