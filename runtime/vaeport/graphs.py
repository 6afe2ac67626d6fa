"""A graph of a bundle in a session of its own, checked against the contract before it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle
from .contract import GRAPHS, GraphSpec
from .errors import BundleError, SealError
from .sessions import OpenSession, SessionOptions, first_line, open_session


def open_graph(bundle: Bundle, graph: str, precision: str, options: SessionOptions) -> OpenSession:
    """Open a session on one graph of a bundle.

    Raises:
        SealError: the file is not the one that was sealed.
        BundleError: onnxruntime cannot load it, or it has other inputs, outputs or sizes than the manifest says.
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
    _check_description(bundle, spec.file(precision), opened)
    return opened


def run_session(session: Any, spec: GraphSpec, inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Outputs of a graph in the order of the contract.

    Raises:
        BundleError: the graph fails on these inputs, a batch that is baked in for instance.
    """
    try:
        answers: list[NDArray[np.float32]] = session.run(spec.outputs, dict(inputs))
    except Exception as error:
        raise BundleError(f"{spec.name} fails at run time: {first_line(error)}") from error
    return answers


def _check_description(bundle: Bundle, file: str, opened: OpenSession) -> None:
    """What the graph says of itself is what the manifest says: labels that were swapped there would answer wrongly."""
    described = opened.session.get_modelmeta().custom_metadata_map
    manifest = bundle.manifest
    expected = {"vaeport.bundle": manifest.name, "vaeport.labels": json.dumps(manifest.labels, ensure_ascii=False)}
    for key, value in expected.items():
        if described.get(key, value) != value:
            raise BundleError(f"{bundle.path}: {file} says {key} {described[key]}, the manifest says {value}")
