"""The two graphs of one bundle in sessions: checked against the contract, lazy, shared, and safe to fork."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle.opening import Bundle
from ..contract import GRAPHS, GraphSpec, Shapes
from ..errors import BundleError, InputError, SealError
from ..graph.checking import CheckedGraph, check_graph
from .session import OpenSession, SessionOptions, first_line, open_session


def check_sealed_graph(bundle: Bundle, graph: str, precision: str, *, rows: int, trusted: bool = False) -> CheckedGraph:
    """Check one graph of a bundle before any other parser sees it.

    Args:
        bundle: the bundle.
        graph: name of the graph.
        precision: one of its precisions.
        rows: largest batch that would be run.
        trusted: see `load`.

    Raises:
        SealError: the file is not the one that was sealed.
        BundleError: it is not what the manifest says, or would read files, hang, or take too much.
    """
    spec, manifest = GRAPHS[graph], bundle.manifest
    content = bundle.read(spec.file(precision))
    try:
        return check_graph(
            content,
            spec,
            bundle=manifest.name,
            labels=manifest.labels,
            shapes=manifest.shapes,
            rows=rows,
            trusted=trusted,
        )
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {spec.file(precision)}: {error}") from error


def open_graph(bundle: Bundle, graph: str, precision: str, options: SessionOptions) -> OpenSession:
    """Open a session on one graph of a bundle, which `check_sealed_graph` has taken.

    Raises:
        SealError: the file is not the one that was sealed.
        BundleError: onnxruntime cannot load it, or finds other inputs, outputs or sizes than the manifest says.
        DeviceError: the requested device would not run it.
    """
    spec, shapes = GRAPHS[graph], bundle.manifest.shapes
    try:
        opened = open_session(bundle.read(spec.file(precision)), options)
    except SealError:
        raise
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {spec.file(precision)}: {error}") from error
    for kind, names, values in (
        ("inputs", spec.inputs, opened.session.get_inputs()),
        ("outputs", spec.outputs, opened.session.get_outputs()),
    ):
        found = [(value.name, value.type, tuple(value.shape[1:])) for value in values]
        expected = [(name, "tensor(float)", shapes.row(name)) for name in names]
        if found != expected:
            raise BundleError(f"{bundle.path}: {spec.file(precision)} has the {kind} {found}, but must have {expected}")
    return opened


def run_session(
    session: Any, spec: GraphSpec, shapes: Shapes, inputs: Mapping[str, NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """Outputs of a graph in the order of the contract, each float32 with a row for every row of the inputs.

    Raises:
        BundleError: the graph fails on these inputs, a batch that is baked in for instance, or answers in another type
            or shape, whatever the graph says of itself, or with what is no finite number.
    """
    try:
        answers: list[NDArray[np.float32]] = session.run(spec.outputs, dict(inputs))
    except Exception as error:
        raise BundleError(f"{spec.name} fails at run time: {first_line(error)}") from error
    n = len(inputs[spec.inputs[0]])
    for name, answer in zip(spec.outputs, answers, strict=True):
        if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != (n, *shapes.row(name)):
            found = f"{answer.dtype} {list(answer.shape)}" if isinstance(answer, np.ndarray) else type(answer).__name__
            raise BundleError(
                f"{spec.name} answers {n} rows with {found} for {name}, but must give "
                f"float32 {[n, *shapes.row(name)]}; export the bundle again"
            )
        if not np.isfinite(answer).all():
            row = int(np.flatnonzero(~np.isfinite(answer.reshape(n, -1)).all(axis=1))[0])
            raise BundleError(f"{spec.name} answers NaN or infinity for {name} of row {row} of {n}")
    return answers


Feed = Mapping[str, NDArray[np.float32]]
"""Inputs of a graph by name, the same number of rows each."""


class Engine:
    """Checks both graphs at once, and opens a graph's session when it is first needed.

    Any number of threads may run at once. A forked child has none of the threads that its parent's sessions wait for,
    so there every session opens anew.

    Raises:
        SealError, BundleError: as of `check_sealed_graph`.
    """

    def __init__(
        self, bundle: Bundle, precision: str, options: SessionOptions, *, rows: int, trusted: bool = False
    ) -> None:
        self.bundle = bundle
        self.precision = precision
        self.options = options
        self.trusted = trusted
        checked = {graph: check_sealed_graph(bundle, graph, precision, rows=rows, trusted=trusted) for graph in GRAPHS}
        self.rows = min(graph.rows for graph in checked.values())
        """Most rows that may meet a session at once: `rows`, or fewer where these would take too much memory."""
        self._unsteady = {name: graph for name, graph in checked.items() if not graph.steady}
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
                self.bundle.kept.pop(GRAPHS[graph].file(self.precision), None)
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
            BundleError: the graph fails, or answers in another type or shape than the contract's.
        """
        spec, shapes = GRAPHS[graph], self.bundle.manifest.shapes
        outputs = None if out is None else list(out)
        for name, array in zip(spec.outputs, outputs or (), strict=outputs is not None):
            _check_out(name, array, (n, *shapes.row(name)))
        session, first = self.opened(graph).session, 0
        unsteady = self._unsteady.get(graph)
        for feed in feeds if n else ():  # onnxruntime's own rewriting can break a graph for an empty batch
            if unsteady is not None:
                unsteady.check_rows(len(feed[spec.inputs[0]]))
            answers = run_session(session, spec, shapes, feed)
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
