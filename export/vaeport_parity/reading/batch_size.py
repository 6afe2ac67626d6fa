"""Where a graph's answers hang on how many rows are in a batch, or on the number of a row: seen without running it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import onnx
from onnx import GraphProto, ModelProto, NodeProto, numpy_helper
from onnx.inliner import inline_local_functions

from ..reference.evaluator import subgraphs
from ..subjects.tensors import batch_axis, input_specs
from .canonical import STANDARD
from .differences import node_key

_SIZES: Mapping[str, tuple[int, ...]] = {
    "Reshape": (1,),
    "Expand": (1,),
    "ConstantOfShape": (0,),
    "Tile": (1,),
    "Resize": (1, 2, 3),
    "Pad": (1, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "OneHot": (1,),
    "CenterCropPad": (1,),
    "Unsqueeze": (1,),
    "Squeeze": (1,),
}
"""Inputs that say a size: a batch's size there makes no answer depend on it."""

_CHOICES: Mapping[str, int] = {"If": 0, "Where": 0, "Loop": 0, "Compress": 1}
_ROWS_APART = ("Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Split", "Concat", "Slice")
_ALL = 2**31 - 1
_INFERRED = "unk__"  # what onnx's inference of shapes calls an axis that it knows nothing of


@dataclass(frozen=True)
class Dependence:
    """One node at which answers come to depend on the batch's size or on a row's number."""

    node: str
    """Name of the node, or its first output."""
    operator: str
    """Its operator."""
    text: str
    """In words."""


def batch_dependences(model: ModelProto) -> list[Dependence]:
    """Nodes that choose or compute by the batch's size, or that take rows of the batch apart by their number.

    Subgraphs and functions are read as well. The empty list where the graph has no batch.

    Args:
        model: the graph; it is not changed.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    with contextlib.suppress(RuntimeError):
        copy = inline_local_functions(copy) if copy.functions else copy
    with contextlib.suppress(Exception):  # what a wrong file states must do
        copy = onnx.shape_inference.infer_shapes(copy, data_prop=True)
    reader = _Reader("", varying={info.name for info in copy.graph.input})
    with contextlib.suppress(Exception):  # a wrong file is read as far as it can be
        reader.batch = batch_axis(input_specs(copy)) or ""
        if reader.batch:
            reader.read(copy.graph)
    return reader.found


@dataclass
class _Reader:
    """Follows sizes through a graph, node by node."""

    batch: str
    """Name of the batch's axis; empty where there is none."""
    varying: set[str]
    """Tensors that depend on the values of the graph's inputs."""
    shapes: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    """Axes by tensor: a number, a name, or an empty text where nothing is known."""
    constants: dict[str, list[int]] = field(default_factory=dict)
    """Small integer constants."""
    sizes: dict[str, frozenset[int] | None] = field(default_factory=dict)
    """Tensors that hold the batch's size or rows' numbers, with the places of it; None where it is in all places."""
    lengths: dict[str, int] = field(default_factory=dict)
    """How many entries a tensor of sizes has."""
    found: list[Dependence] = field(default_factory=list)

    def read(self, graph: GraphProto) -> None:
        for info in (*graph.input, *graph.output, *graph.value_info):
            if info.type.HasField("tensor_type") and info.type.tensor_type.HasField("shape"):
                self.shapes[info.name] = tuple(
                    axis.dim_value if axis.HasField("dim_value") else axis.dim_param
                    for axis in info.type.tensor_type.shape.dim
                )
        for tensor in graph.initializer:
            self.shapes[tensor.name] = tuple(tensor.dims)
            self._keep(tensor.name, tensor)
        for node in graph.node:
            self._read(node)
            for _, inner in subgraphs(node):
                self.varying.update(info.name for info in inner.input)
                self.read(inner)
                if any(info.name in self.varying for info in inner.output):
                    self.varying.update(node.output)

    def _keep(self, name: str, tensor: onnx.TensorProto) -> None:
        if tensor.data_type in (onnx.TensorProto.INT64, onnx.TensorProto.INT32) and len(tensor.dims) <= 1:
            self.constants[name] = [int(value) for value in numpy_helper.to_array(tensor).reshape(-1)]

    def _read(self, node: NodeProto) -> None:
        kind = node.op_type if node.domain in STANDARD else ""
        if kind == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    self._keep(node.output[0], attribute.t)
                elif attribute.name in ("value_int", "value_ints"):
                    self.constants[node.output[0]] = [int(v) for v in (attribute.ints or [attribute.i])]
            return
        if kind in ("Shape", "Size"):
            self._size(node, kind)
            return
        if any(name in self.varying for name in node.input):
            self.varying.update(filter(None, node.output))
        self._rows(node, kind)
        counting = [place for place, name in enumerate(node.input) if name in self.sizes]
        if kind == "Range" and counting:
            self.sizes[node.output[0]] = None
            return
        counting = [place for place in counting if place not in _SIZES.get(kind, ())]
        if kind in ("NonZero", "CumSum") and any(self._is_long(name) for name in node.input[:1]):
            counting = counting or [0]
        if counting:
            self._follow(node, kind, counting)

    def _size(self, node: NodeProto, kind: str) -> None:
        (given,) = node.input
        axes = self.shapes.get(given)
        if axes is None:
            self.sizes[node.output[0]] = None
            return
        attributes = {each.name: each.i for each in node.attribute}
        part = range(len(axes))[slice(attributes.get("start", 0), attributes.get("end", len(axes)))]
        places = frozenset(place for place, axis in enumerate(part) if self._may_be_batch(axes[axis]))
        if not places:
            return
        self.sizes[node.output[0]] = None if kind == "Size" else places
        self.lengths[node.output[0]] = len(part)

    def _follow(self, node: NodeProto, kind: str, counting: Sequence[int]) -> None:
        """A node that reads the batch's size as a value."""
        places = self.sizes.get(node.input[0])
        if kind in ("Gather", "Slice", "Cast", "Identity", "Unsqueeze", "Squeeze") and places is not None:
            kept = self._taken(node, kind, places)
            if kept is not None:
                if kept:
                    self.sizes[node.output[0]] = kept
                    self.lengths[node.output[0]] = self.lengths.get(node.input[0], 0)
                return
        if kind in _CHOICES and _CHOICES[kind] in counting:
            self._tell(node, "chooses by the size of the batch or the number of a row")
            return
        others = [name for place, name in enumerate(node.input) if place not in counting]
        if any(name in self.varying for name in others):
            self._tell(node, "computes with the size of the batch or the number of a row")
            return
        for name in filter(None, node.output):
            self.sizes[name] = None

    def _taken(self, node: NodeProto, kind: str, places: frozenset[int]) -> frozenset[int] | None:
        """Where the batch's size is in a part of a tensor of sizes; None where that cannot be told."""
        length = self.lengths.get(node.input[0], 0)
        if kind in ("Cast", "Identity", "Unsqueeze", "Squeeze"):
            return places
        if kind == "Gather":
            indices = self.constants.get(node.input[1])
            if indices is None or not length:
                return None
            return frozenset(at for at, index in enumerate(indices) if index % length in places)
        bounds = [self.constants.get(name) for name in node.input[1:3]]
        steps = self.constants.get(node.input[4]) if len(node.input) > 4 else [1]
        if any(bound is None or len(bound) != 1 for bound in bounds) or steps != [1] or not length:
            return None
        part = range(length)[slice(*(bound[0] for bound in bounds if bound))]
        return frozenset(at for at, place in enumerate(part) if place in places)

    def _rows(self, node: NodeProto, kind: str) -> None:
        """Rows of the batch that are taken apart by their number."""
        if kind not in _ROWS_APART:
            return
        if not any(self._is_long(name) for name in (node.input if kind == "Concat" else node.input[:1])):
            return
        named = "batch_dims" if kind == "GatherND" else "axis"
        axis = next((each.i for each in node.attribute if each.name == named), 0)
        if kind == "Slice":
            axis = 0 if self._cuts_rows(node) else 1
        rank = len(self.shapes.get(node.input[0], ()))
        if axis in (0, -rank):
            self._tell(node, "takes rows of the batch by their number")

    def _is_long(self, name: str) -> bool:
        """Whether the first axis of a tensor is the batch, as far as is known."""
        axes = self.shapes.get(name)
        return name in self.varying and (axes is None or (bool(axes) and self._may_be_batch(axes[0])))

    def _may_be_batch(self, axis: int | str) -> bool:
        return isinstance(axis, str) and (axis in (self.batch, "") or axis.startswith(_INFERRED))

    def _cuts_rows(self, node: NodeProto) -> bool:
        if len(node.input) < 3:  # opset 9 and below
            axes = next((list(each.ints) for each in node.attribute if each.name == "axes"), [0])
            return 0 in axes
        starts, ends = (self.constants.get(name) for name in node.input[1:3])
        stated = self.constants.get(node.input[3]) if len(node.input) > 3 and node.input[3] else None
        axes = stated or list(range(len(starts or [0])))
        if 0 not in axes:
            return False
        place = axes.index(0)
        return starts is None or ends is None or starts[place] != 0 or ends[place] < _ALL

    def _tell(self, node: NodeProto, what: str) -> None:
        key = node_key(node)
        self.found.append(Dependence(key, node.op_type, f"node {key!r} ({node.op_type}) {what}"))


def beyond(given: Sequence[Dependence], expected: Sequence[Dependence]) -> Iterator[Dependence]:
    """Those that a graph has more of, by operator, than the one that it should be like."""
    left = [each.operator for each in expected]
    for each in given:
        if each.operator in left:
            left.remove(each.operator)
        else:
            yield each
