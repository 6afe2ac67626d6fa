"""Backends by name, by version and by instruction set: `tract`, `onnxruntime==1.20.*`, `openvino@x86-64-v3`."""

import dataclasses
import re
from dataclasses import dataclass

from . import all_backends
from .base import Backend, Facts, GraphFile, Runner, distribution_of
from .processors import limited

_VERSION = re.compile(r"\d+(\.\d+)*(\.\*|(a|b|rc|\.post|\.dev)\d+)*")
_WHOLE = "all"  # the member of a family that is meant by its name and a version: what vaeport runs
_ALWAYS = ("numpy", "ml_dtypes")  # the worker needs the one, bfloat16 the other


@dataclass(frozen=True)
class Variant:
    """A backend in a version of its own, or limited to an instruction set."""

    base: Backend
    """What is run."""
    facts: Facts
    """What is known of it: its environment and variables are those of the variant."""

    def version(self) -> str:
        """Version of the software behind it."""
        return self.base.version()

    def load(self, graph: GraphFile) -> Runner:
        """Make a graph ready to run."""
        return self.base.load(graph)


def backend_named(name: str) -> Backend:
    """A backend by its name, with `==VERSION` or `@LEVEL` behind it where another version or processor is meant.

    Args:
        name: such as `tract`, `onnxruntime==1.20.*` (short for `onnxruntime-all==1.20.*`), `mnn@x86-64-v3` or
            `onnxruntime==1.31.1@armv8.2-a`. A name that stands alone is that of one backend.

    Raises:
        ValueError: there is no such backend, the version is none, or it cannot be had so; the text says why.
    """
    known = all_backends()
    if name in known:
        return known[name]
    rest, at, level = name.partition("@")
    base_name, equals, version = rest.partition("==")
    if not at and not equals:
        raise ValueError(f"unknown backend {name!r}; known are all, own, {', '.join(known)}")
    base = known.get(base_name) or known.get(f"{base_name}-{_WHOLE}")
    if base is None:
        raise ValueError(f"unknown backend {base_name!r} in {name!r}; known are {', '.join(known)}")
    facts = _of_version(base.facts, version, name) if equals else base.facts
    if at:
        facts = limited(facts, level, packages=_packages(facts))
    return Variant(base, facts)


def base_of(backend: Backend) -> Backend:
    """The backend behind a variant; any other is its own."""
    return backend.base if isinstance(backend, Variant) else backend


def _of_version(facts: Facts, version: str, given: str) -> Facts:
    if not facts.pinned:
        from_vaeport = "" if facts.has_environment else " is that of vaeport's own environment and"
        raise ValueError(f"the version of {facts.name}{from_vaeport} cannot be chosen; give {facts.name} alone")
    if not _VERSION.fullmatch(version):
        raise ValueError(
            f"{version!r} in {given!r} is no version; give one such as {facts.pinned[0]}==1.20.* or ==1.20.1"
        )
    name = f"{facts.name}=={version}"
    return dataclasses.replace(
        facts,
        name=name,
        packages=(
            *(f"{pinned}=={version}" for pinned in facts.pinned),
            *(requirement for below, requirement in facts.older if _is_below(version, below)),
            *(package for package in _packages(facts) if distribution_of(package) not in _names(facts.pinned)),
        ),
        environment=name.replace("*", "x"),
        own_environment=True,
        remark=f"{facts.remark}, version {version}" if facts.remark else f"version {version}",
    )


def _packages(facts: Facts) -> tuple[str, ...]:
    """What its environment needs; what runs in vaeport's own one names only what can be pinned."""
    return facts.packages or (*facts.pinned, *_ALWAYS) if facts.pinned else facts.packages


def _names(requirements: tuple[str, ...]) -> set[str]:
    return {distribution_of(requirement) for requirement in requirements}


def _is_below(version: str, other: str) -> bool:
    """Whether every release that a version stands for is older than another, by its numbers."""
    left, right = (tuple(int(part) for part in re.findall(r"\d+", text.partition("*")[0])) for text in (version, other))
    return left < right[: len(left)] if len(left) < len(right) else left < right
