"""A bundle's graphs as the exporter makes them now."""

from vaeport.bundle.opening import Bundle
from vaeport.contract import FP32, GRAPHS
from vaeport.errors import CheckFailedError, VaeportError
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.reference.onnx_graph import RuntimeReference

from ..options import OPSETS
from .original import Original
from .witnesses import Witnesses, agree, converted

_TRIED = 16  # golden rows


def fresh_graph(witnesses: Witnesses, graph: str) -> bytes:
    """A graph made anew: float32 from the original, in the opset of the bundle's file; below it, from float32.

    A file below or above the opsets that the exporter offers is held against an export in the nearest that it does.

    A lower precision is converted from the bundle's own float32 file, which is held against the original by itself,
    unless that answers otherwise than the original.

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
    if not _answers_as_original(witnesses, graph, full):
        full = _exported(bundle, original, graph, full)
    made = converted(full, witnesses.precision, witnesses.graphs[graph].content)
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
    opset = min(max(opset_of(full), OPSETS.start), OPSETS.stop - 1)
    return export_graph(original.module(graph), graph, description, opset=opset)


def _answers_as_original(witnesses: Witnesses, graph: str, full: bytes) -> bool:
    inputs = {name: values[:_TRIED] for name, values in witnesses.golden.inputs(graph).items()}
    try:
        given = chunked_answers(RuntimeReference(full, GRAPHS[graph].outputs), dict(inputs), "native")
        right = chunked_answers(witnesses.original.reference(graph), dict(inputs), "native")
    except VaeportError:
        return False
    return agree(given, right, witnesses.bundle.manifest.tolerances[FP32][graph])
