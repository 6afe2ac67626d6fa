"""Backends that other packages bring, by the entry point group `vaeport_parity.backends`."""

import functools
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import Backend, Facts, GraphFile, Runner

GROUP = "vaeport_parity.backends"
"""Entry point group; each entry names a backend object, or a tuple of such."""


@dataclass(frozen=True)
class PluginBackend:
    """A backend of another package, and where its own process finds it."""

    backend: Backend
    """The backend."""
    module: str
    """Name of its module."""
    attribute: str
    """Name of the object in it, or of the tuple that the backend is in."""
    file: Path
    """File of the module's outermost package, or of the module itself."""

    @property
    def facts(self) -> Facts:
        """What is known of the backend."""
        return self.backend.facts

    def version(self) -> str:
        """Version of the software behind it."""
        return self.backend.version()

    def load(self, graph: GraphFile) -> Runner:
        """Make a graph ready to run."""
        return self.backend.load(graph)


@dataclass(frozen=True)
class BrokenPlugin:
    """An entry point that gives no backend; it is listed as missing."""

    name: str
    """Name of the entry point."""
    reason: str
    """What is wrong, in a sentence."""

    @property
    def facts(self) -> Facts:
        """Its name alone."""
        return Facts(self.name)

    def version(self) -> str:
        """Refuse.

        Raises:
            ImportError: always.
        """
        raise ImportError(self.reason)

    def load(self, _: GraphFile) -> Runner:
        """Refuse.

        Raises:
            ImportError: always.
        """
        raise ImportError(self.reason)


def plugin_backends(taken: Mapping[str, Backend]) -> dict[str, Backend]:
    """Backends of installed packages by name; a plug-in that is broken stands there as a `BrokenPlugin`.

    Args:
        taken: backends whose names are taken.
    """
    found: dict[str, Backend] = {}
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        for name, backend in _backends_of_entry(entry).items():
            if name in taken or name in found:
                sentence = f"the plug-in {entry.value} brings a backend {name!r}, but there is one of this name already"
                found[entry.name if entry.name not in taken else entry.value] = BrokenPlugin(entry.name, sentence)
            else:
                found[name] = backend
    return found


def backends_of(module: object, attribute: str) -> tuple[Backend, ...]:
    """The backends that an attribute of a module holds: one, or a tuple of them.

    Args:
        module: the module.
        attribute: name of the object, with dots where it is inside another.

    Raises:
        ImportError: there is none, or it is no backend; the text says what it lacks.
    """
    try:
        held: Any = functools.reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise ImportError(f"it has no {attribute}") from error
    backends = held if isinstance(held, (tuple, list)) else (held,)
    for backend in backends:
        facts = getattr(backend, "facts", None)
        if not isinstance(facts, Facts) or not all(
            callable(getattr(backend, name, None)) for name in ("version", "load")
        ):
            raise ImportError(
                f"{attribute} holds {type(backend).__name__}, which has no facts, version() and load(graph)"
            )
    return tuple(backends)


def _backends_of_entry(entry: importlib.metadata.EntryPoint) -> dict[str, Backend]:
    try:
        backends = backends_of(importlib.import_module(entry.module), entry.attr)
        file = Path(importlib.import_module(entry.module.partition(".")[0]).__file__ or "")
    except SystemExit:
        return {
            entry.name: BrokenPlugin(entry.name, f"the plug-in {entry.value} cannot be loaded: it ends the program")
        }
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        said = " ".join(str(error).split())[:200] or type(error).__name__
        return {entry.name: BrokenPlugin(entry.name, f"the plug-in {entry.value} cannot be loaded: {said}")}
    return {each.facts.name: PluginBackend(each, entry.module, entry.attr, file) for each in backends}
