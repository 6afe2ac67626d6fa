"""The gate before onnxruntime: a graph of a bundle is what its manifest says, and can do nothing but answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..contract import GraphSpec, Shapes, graph_metadata
from ..errors import BundleError
from .limits import MAX_IR_VERSION, MAX_OPSET, MIN_IR_VERSION, MIN_OPSET
from .reading import (
    ATTRIBUTE_GRAPH,
    ATTRIBUTE_GRAPHS,
    Graph,
    ModelFile,
    Node,
    ValueInfo,
    read_model,
)
from .shapes.run import LimitError, Outcome, Plan
from .tensors import FLOAT, type_name
from .wire import quoted


@dataclass
class CheckedGraph:
    """A graph that passed, and what is known of its batches."""

    model: ModelFile
    """What the file holds."""
    spec: GraphSpec
    """Which of the two graphs it is."""
    shapes: Shapes
    """The manifest's sizes."""
    rows: int
    """Most rows of a batch that keep the limits, at most those that were asked for: larger inputs go in pieces."""
    row_elements: int = 0
    """Elements of the largest tensor for a batch of one row; 0 for a trusted graph, which is not followed."""
    plan: Plan | None = field(default=None, repr=False)
    """The graph ready for further runs; None for a trusted one."""
    seen: set[int] = field(default_factory=set, repr=False)
    """Batches that are known to be within the limits."""
    steady: bool = False
    """Whether every batch between one row and `rows` is within the limits because both ends are."""

    def check_rows(self, n: int) -> None:
        """Hold that a batch of n rows is within the limits and answers the manifest's shapes; remembered for each n.

        Raises:
            BundleError: it costs too much, or answers something else.
        """
        if self.plan is None or n in self.seen or n < 1 or (self.steady and n <= self.rows):
            return
        _run(self.plan, self.spec, self.shapes, n)
        self.seen.add(n)


def check_graph(
    content: bytes,
    spec: GraphSpec,
    *,
    bundle: str,
    labels: tuple[str, ...],
    shapes: Shapes,
    rows: int,
    trusted: bool = False,
) -> CheckedGraph:
    """Check an ONNX file before onnxruntime sees it.

    Args:
        content: the file.
        spec: which graph it must be.
        bundle: name of the bundle, which its metadata must say too.
        labels: the manifest's class names.
        shapes: the manifest's sizes.
        rows: largest batch that would be run.
        trusted: the author is trusted: any standard operator, control flow, functions and any cost are allowed.

    Raises:
        BundleError: the file is not such a graph, or one that would read files, hang, or take too much. The sentence
            does not name bundle or file.
    """
    model = read_model(content)
    _check_versions(model)
    _check_domains(model, trusted=trusted)
    _check_values("input", spec.inputs, _given(model.graph), shapes)
    _check_values("output", spec.outputs, model.graph.outputs, shapes)
    _check_metadata(model, graph_metadata(spec, bundle=bundle, labels=labels, shapes=shapes))
    if trusted:
        return CheckedGraph(model, spec, shapes, rows)
    for value in (*model.graph.inputs, *model.graph.value_infos):
        if value.kind not in ("tensor", ""):
            raise BundleError(f"the file says that {quoted(value.name)} is a {value.kind}; a graph holds tensors only")
    opset = next(version for domain, version in model.opsets if domain in _STANDARD)
    plan = Plan(model.graph, opset=opset)
    one = _run(plan, spec, shapes, 1)
    rows, many = _most_rows(plan, spec, shapes, max(rows, 1), one)
    return CheckedGraph(
        *(model, spec, shapes, rows),
        row_elements=one.largest,
        plan=plan,
        seen={1, rows},
        steady=one.asked == many.asked,
    )


_STANDARD = ("", "ai.onnx")
"""The two names of the domain of standard operators."""


def _run(plan: Plan, spec: GraphSpec, shapes: Shapes, rows: int) -> Outcome:
    outcome = plan.run({name: (rows, *shapes.row(name)) for name in spec.inputs}, rows)
    for name in spec.outputs:
        known, expected = outcome.tensors[name], (rows, *shapes.row(name))
        if known.shape != expected or known.dtype != FLOAT:
            raise BundleError(
                f"the graph answers {quoted(name)} as {type_name(known.dtype)} {list(known.shape)} "
                f"to a batch of {rows}, but must answer float {list(expected)}"
            )
    return outcome


def _most_rows(plan: Plan, spec: GraphSpec, shapes: Shapes, rows: int, one: Outcome) -> tuple[int, Outcome]:
    """Halve the batch until it keeps the limits; one row does."""
    while rows > 1:
        try:
            return rows, _run(plan, spec, shapes, rows)
        except LimitError:
            rows //= 2
    return 1, one


def _check_versions(model: ModelFile) -> None:
    if not MIN_IR_VERSION <= model.ir_version <= MAX_IR_VERSION:
        raise BundleError(
            f"the file has the IR version {model.ir_version}; from {MIN_IR_VERSION} to {MAX_IR_VERSION} are read"
        )
    standard = [version for domain, version in model.opsets if domain in _STANDARD]
    if len(standard) != 1:
        raise BundleError(f"the file imports the standard operators {len(standard)} times, but must once")
    if not MIN_OPSET <= standard[0] <= MAX_OPSET:
        raise BundleError(f"the file has the opset {standard[0]}; from {MIN_OPSET} to {MAX_OPSET} are read")


def _check_domains(model: ModelFile, *, trusted: bool) -> None:
    """Only standard operators; functions and graphs inside nodes only from an author who is trusted."""
    if model.functions and not trusted:
        raise BundleError("the file defines functions, which only a trusted bundle may")
    defined = {(function.domain, function.name) for function in model.functions}
    if any(domain in _STANDARD for domain, _ in defined):
        raise BundleError("the file defines a function under the name of a standard operator's domain")
    own = {domain for domain, _ in defined}
    for owner in (model.opsets, *(function.opsets for function in model.functions)):
        for domain, _ in owner:
            if domain not in _STANDARD and domain not in own:
                raise BundleError(
                    f"the file imports operators of the domain {quoted(domain)}; only standard ones are allowed"
                )
    for node in _all_nodes(model):
        if node.domain not in _STANDARD and (node.domain, node.op_type) not in defined:
            raise BundleError(
                f"{node} has an operator of the domain {quoted(node.domain)}; only standard ones are allowed"
            )
        if trusted:
            continue
        for attribute in node.attributes.values():
            if attribute.type in (0, ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
                raise BundleError(f"{node} holds a graph of its own (control flow), which only a trusted bundle may")


def _all_nodes(model: ModelFile) -> Iterator[Node]:
    waiting: list[tuple[Node, ...]] = [model.graph.nodes, *(function.nodes for function in model.functions)]
    while waiting:
        for node in waiting.pop():
            yield node
            for attribute in node.attributes.values():
                if attribute.type == ATTRIBUTE_GRAPH:
                    waiting.append(attribute.value.nodes)
                elif attribute.type == ATTRIBUTE_GRAPHS:
                    waiting.extend(graph.nodes for graph in attribute.value)


def _given(graph: Graph) -> tuple[ValueInfo, ...]:
    """Inputs that the caller gives: older files list their weights among the inputs."""
    weights = {tensor.name for tensor in graph.initializers}
    return tuple(value for value in graph.inputs if value.name not in weights)


def _check_values(kind: str, names: tuple[str, ...], values: tuple[ValueInfo, ...], shapes: Shapes) -> None:
    found = tuple(value.name for value in values)
    if found != names:
        listed = ", ".join(map(quoted, found[:8])) or "none"
        raise BundleError(f"the graph has the {kind}s {listed}, but must have {', '.join(map(quoted, names))}")
    for value in values:
        row, shape = shapes.row(value.name), value.shape
        if value.kind != "tensor" or value.dtype != FLOAT:
            what = type_name(value.dtype) if value.kind == "tensor" else value.kind or "nothing said"
            raise BundleError(f"the {kind} {quoted(value.name)} is {what}, but must be a float tensor")
        if shape is None or shape[1:] != row or isinstance(shape[0], int):
            given = "no shape" if shape is None else f"the shape {_printed(shape)}"
            raise BundleError(
                f"the {kind} {quoted(value.name)} has {given}, "
                f"but must have {_printed(('batch', *row))} as the manifest says"
            )


def _printed(shape: tuple[int | str | None, ...]) -> str:
    sizes = ("?" if size is None else quoted(size)[1:-1] if isinstance(size, str) else str(size) for size in shape[:16])
    return f"[{', '.join(sizes)}]"


def _check_metadata(model: ModelFile, expected: dict[str, str]) -> None:
    for key, value in expected.items():
        if key not in model.metadata:
            raise BundleError(f"the file does not say {key} in its metadata; every graph of a bundle does")
        if model.metadata[key] != value:
            raise BundleError(
                f"the file says {key} {quoted(model.metadata[key])}, but the manifest says {quoted(value)}"
            )
