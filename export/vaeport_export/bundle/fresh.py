"""A bundle's graphs as the exporter makes them now."""

from vaeport.bundle.opening import Bundle
from vaeport.contract import FP32, GRAPHS
from vaeport.errors import CheckFailedError

from .original import Original
from .witnesses import Witnesses, converted


def fresh_graph(witnesses: Witnesses, graph: str) -> bytes:
    """A graph made anew: float32 from the original, in the opset of the bundle's file; below it, from float32.

    A lower precision is converted from the bundle's own float32 file, which is held against the original by itself; if
    that gives another file, from a fresh export, so that nobody is accused of what float32 has changed.

    Args:
        witnesses: the bundle in one precision.
        graph: name of the graph.

    Raises:
        CheckFailedError: the exporter cannot make it.
    """
    bundle, original = witnesses.bundle, witnesses.original
    full = bundle.read(GRAPHS[graph].file(FP32))
    if witnesses.precision == FP32:
        return _exported(bundle, original, graph, full)
    given = witnesses.graphs[graph].content
    made = converted(full, witnesses.precision, given)
    if made != given:
        made = converted(_exported(bundle, original, graph, full), witnesses.precision, given) or made
    if not made:
        raise CheckFailedError(f"the {graph} cannot be converted to {witnesses.precision}")
    return made


def _exported(bundle: Bundle, original: Original, graph: str, full: bytes) -> bytes:
    from ..graph.adoption import adopt_graph, opset_of
    from ..graph.onnx_file import GraphDescription, export_graph

    manifest = bundle.manifest
    description = GraphDescription(manifest.name, manifest.labels, manifest.shapes)
    if graph in original.graphs:
        return adopt_graph(original.graphs[graph], graph, description)
    return export_graph(original.module(graph), graph, description, opset=opset_of(full))
