"""The two sessions of one bundle, held for as long as they are wanted: lazy, shared, and safe to fork."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle
from .contract import GRAPHS
from .errors import InputError
from .graphs import open_graph, run_session
from .sessions import OpenSession, SessionOptions

Feed = Mapping[str, NDArray[np.float32]]
"""Inputs of a graph by name, the same number of rows each."""


class Engine:
    """Opens a graph's session when it is first needed; any number of threads may run at once.

    A forked child has none of the threads that its parent's sessions wait for, so there every session opens anew.
    """

    def __init__(self, bundle: Bundle, precision: str, options: SessionOptions) -> None:
        self.bundle = bundle
        self.precision = precision
        self.options = options
        self._lock = threading.Lock()
        self._sessions: dict[str, OpenSession] = {}
        self._closed = False
        _watch_forks()
        _ENGINES.add(self)

    def opened(self, graph: str) -> OpenSession:
        """The session of a graph.

        Raises:
            InputError: the engine was closed.
            SealError, BundleError, DeviceError: as of `open_graph`.
        """
        opened = self._sessions.get(graph)
        if opened is not None:
            return opened
        with self._lock:
            if self._closed:
                raise InputError(f"the model {self.bundle.manifest.name} was closed; load it again")
            if graph not in self._sessions:
                self._sessions[graph] = open_graph(self.bundle, graph, self.precision, self.options)
            return self._sessions[graph]

    def run(
        self, graph: str, n: int, feeds: Iterable[Feed], *, out: Sequence[NDArray[np.float32]] | None = None
    ) -> list[NDArray[np.float32]]:
        """Run a graph chunk by chunk, in memory for one chunk beside the outputs.

        Args:
            graph: name of the graph.
            n: rows of all feeds together.
            feeds: inputs of each chunk.
            out: arrays to write to instead of new ones, in the order of the graph's outputs.

        Returns:
            The outputs, float32 [n, ...]; `out` itself where it was given.

        Raises:
            InputError: `out` has another shape or type.
            BundleError: the graph fails.
        """
        spec, shapes = GRAPHS[graph], self.bundle.manifest.shapes
        outputs = None if out is None else list(out)
        for name, array in zip(spec.outputs, outputs or (), strict=outputs is not None):
            _check_out(name, array, (n, *shapes.row(name)))
        session, first = self.opened(graph).session, 0
        for feed in feeds if n else ():  # onnxruntime's own rewriting can break a graph for an empty batch
            answers = run_session(session, spec, feed)
            rows = slice(first, first + len(answers[0]))
            if outputs is None and len(answers[0]) == n:
                return answers  # one chunk: the session's own arrays, no copy
            if outputs is None:
                outputs = [np.empty((n, *shapes.row(name)), np.float32) for name in spec.outputs]
            for output, answer in zip(outputs, answers, strict=True):
                output[rows] = answer
            first = rows.stop
        return outputs or [np.empty((0, *shapes.row(name)), np.float32) for name in spec.outputs]

    def close(self) -> None:
        """Let the sessions go; runs under way in other threads end well."""
        with self._lock:
            self._closed = True
            self._sessions = {}

    def forget(self) -> None:
        """Drop what a fork has made useless, in the child. Destroying a session there would wait for lost threads."""
        if self._sessions:
            import ctypes

            for opened in self._sessions.values():
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened.session))
        self._sessions = {}
        self._lock = threading.Lock()


_ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()


@functools.cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    for engine in list(_ENGINES):
        engine.forget()


def _check_out(name: str, array: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.float32:
        given = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"out for {name} is {given}, but must be float32 {list(shape)}")
    if not array.flags.writeable:
        raise InputError(f"out for {name} is read-only; give an array that may be written to")
