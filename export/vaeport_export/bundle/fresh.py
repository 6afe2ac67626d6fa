"""A bundle's graphs as the exporter makes them now."""

from vaeport.bundle.opening import Bundle
from vaeport.contract import CHECKPOINT_FOLDER, FP32, GRAPHS
from vaeport.errors import CheckFailedError

from ..options import OPSETS
from .original import Original
from .witnesses import Witnesses, converted

_MOST_KEPT = 8
_made: dict[tuple[object, ...], bytes] = {}  # by all that an export depends on, the checkpoint's checksums among it


def fresh_graph(witnesses: Witnesses, graph: str) -> bytes:
    """A graph made anew: float32 from the original, in the opset of the bundle's file; below it, from float32.

    A lower precision is converted from the bundle's own float32 file, which is held against the original by itself; if
    that gives another file, from a fresh export, so that nobody is accused of what float32 has changed.

    A file whose opset the exporter does not offer is held against an export in the nearest one that it does.

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
    """The export of a graph; several precisions, findings and places ask for the same one."""
    from ..graph.adoption import opset_of

    manifest = bundle.manifest
    files = {name: entry.sha256 for name, entry in manifest.files.items() if name.startswith(CHECKPOINT_FOLDER)}
    key = (graph, opset_of(full), manifest.name, manifest.labels, manifest.shapes, tuple(sorted(files.items())))
    if key not in _made:
        content = _export(bundle, original, graph, full)
        while len(_made) >= _MOST_KEPT:
            _made.pop(next(iter(_made)))
        _made[key] = content
    return _made[key]


def _export(bundle: Bundle, original: Original, graph: str, full: bytes) -> bytes:
    from ..graph.adoption import adopt_graph, opset_of
    from ..graph.onnx_file import GraphDescription, export_graph

    manifest = bundle.manifest
    description = GraphDescription(manifest.name, manifest.labels, manifest.shapes)
    if graph in original.graphs:
        return adopt_graph(original.graphs[graph], graph, description)
    opset = min(max(opset_of(full), OPSETS.start), OPSETS.stop - 1)
    return export_graph(original.module(graph), graph, description, opset=opset)
