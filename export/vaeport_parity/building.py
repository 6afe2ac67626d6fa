"""Make a subject of anybody's graphs and references."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from vaeport.errors import InputError

from .asking.inputs import (
    FEW_ROWS,
    ROWS,
    Accepts,
    Asked,
    Domain,
    Ranges,
    checked_inputs,
    example_of,
    given_sets,
    seeded_sets,
)
from .judging.bounds import given_bounds
from .reference.base import Reference
from .reference.loading import (
    ReferenceLike,
    check_answers,
    make_reference,
    open_reference,
    recorded_arrays,
    recorded_reference,
)
from .subjects.files import GraphLike, read_arrays, read_graph, specs_of
from .subjects.indices import index_ranges
from .subjects.subject import Chain, Graph, InputSet, Subject
from .subjects.tensors import Arrays, TensorSpec

InputsLike = Mapping[str, Any] | str | Path | Callable[[np.random.Generator], Mapping[str, Any]] | None
"""Arrays by input name, the path of an .npz file, a generator of arrays, or None for seeded ones."""

Bound = float | Mapping[str, float] | None
"""Largest absolute error, of all float outputs or by name; None where it is measured."""

_MOST_SECONDS = 15.0  # that the float64 reference may take for all rows of the probes
_TIMED_ROWS = 4
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearMatMul", "QLinearConv")


@dataclass(frozen=True, eq=False)
class GraphRequest:
    """One graph to compare, as the caller gave it."""

    candidate: GraphLike
    """The ONNX file."""
    reference: ReferenceLike
    """What it is compared with."""
    weights: str | Path | None = None
    """File with the weights of a module."""
    inputs: InputsLike = None
    """Inputs, or how to make them."""
    ranges: Ranges | None = None
    """Ranges of seeded inputs."""
    scores: Sequence[str] = ()
    """Outputs whose largest entry is a class."""
    tolerance: Bound = None
    """Bounds that are given."""
    shared: bool = False
    """Whether ranges, scores and bounds by name are for several graphs, each of which takes those of its own names."""


@dataclass(frozen=True, eq=False)
class _Made:
    graph: Graph
    asked: Asked
    notes: tuple[str, ...]
    yardstick: str
    original: bytes | None
    label: str


def make_subject(
    requests: Mapping[str, GraphRequest],
    *,
    name: str,
    folder: Path,
    links: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Subject:
    """A subject of one graph, or of several that follow each other.

    Args:
        requests: graphs by name, in the order in which they run.
        name: name of the subject.
        folder: a folder for the PyTorch originals, which must stay while the subject is used.
        links: `graph.input` that is given `graph.output`; None links inputs to outputs of the same name.
        seed: seed of everything that is drawn.

    Raises:
        InputError: a file, reference or input does not fit; one sentence with what to do.
    """
    linked = _links(requests, links)
    made: dict[str, _Made] = {}
    for graph, request in requests.items():
        inputs = _linked_inputs(graph, made, linked) if request.inputs is None else None
        made[graph] = _made(graph, request, folder / f"original-{len(made)}", seed, inputs)
    sets = [each for one in made.values() for each in one.asked.sets]
    chain = _chain(made, linked)
    if chain is not None:
        sets.append(_chain_set(chain, made))
    fresh = {graph: one.original for graph, one in made.items() if one.original is not None}
    return Subject(
        name,
        tuple(one.graph for one in made.values()),
        tuple(sets),
        chain=chain,
        label=next((one.label for one in made.values() if one.label), ""),
        yardstick=" and ".join(dict.fromkeys(one.yardstick for one in made.values())),
        fresh=fresh.__getitem__ if len(fresh) == len(made) else None,
        empty_batch=False,
        notes=tuple(note for one in made.values() for note in one.notes),
        left_out=tuple(text for one in made.values() for text in one.asked.left_out),
    )


def _made(name: str, request: GraphRequest, folder: Path, seed: int, linked: Arrays | None) -> _Made:
    content, where = read_graph(request.candidate)
    inputs, outputs = specs_of(content, where)
    request = _own_part(request, inputs, outputs) if request.shared else request
    model = onnx.load_model_from_string(content)
    scores = _checked_scores(request.scores, outputs)
    tolerances = given_bounds(request.tolerance, outputs)
    domain = Domain(name, inputs, _checked_ranges(request.ranges, inputs), index_ranges(model), seed)
    recorded = recorded_arrays(request.reference)
    if recorded is not None:
        what = Path(request.reference).name
        reference: Reference = recorded_reference(recorded, what, inputs, outputs)
        missing = [spec.name for spec in outputs if spec.is_float and spec.name not in tolerances]
        if missing:
            raise InputError(
                f"{what} holds recorded answers, from which no rounding noise can be measured; give a tolerance for "
                f"{', '.join(map(repr, missing))}, such as --tolerance 1e-4"
            )
        asked = _recorded_sets(domain, reference, request.inputs)
        check_answers(reference, outputs, asked.sets[0].values(), what)
        graph = Graph(name, content, where, inputs, outputs, reference, scores, tolerances)
        return _Made(graph, asked, asked.notes, what, None, _label(model))
    thing, what = open_reference(request.reference, request.weights)
    reference, notes = make_reference(thing, what, inputs=inputs, outputs=outputs)
    asked = _asked(domain, reference, request.inputs if linked is None else linked, seed)
    example = example_of(asked.sets[0])
    check_answers(reference, outputs, example, what)
    original = None
    if not isinstance(thing, bytes):
        from .reference.torch_module import TorchReference, captured_reference, save_original

        if not isinstance(reference, TorchReference):
            raise TypeError("a module or program becomes a TorchReference")
        reference, more = captured_reference(reference, inputs=inputs, example=example, what=what)
        notes += more
        folder.mkdir(parents=True)
        original = folder if save_original(reference, folder) else None
    graph = Graph(name, content, where, inputs, outputs, reference, scores, tolerances or None, original=original)
    fresh = thing if isinstance(thing, bytes) else None
    yardstick = what if isinstance(thing, bytes) else "PyTorch"
    return _Made(graph, asked, (*asked.notes, *notes), yardstick, fresh, _label(model))


def _own_part(request: GraphRequest, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> GraphRequest:
    """What is meant for one of several graphs."""
    own_inputs, own_outputs = ({spec.name for spec in specs} for specs in (inputs, outputs))
    tolerance = request.tolerance
    if isinstance(tolerance, Mapping):
        tolerance = {name: bound for name, bound in tolerance.items() if name in own_outputs}
    return dataclasses.replace(
        request,
        ranges={name: limits for name, limits in (request.ranges or {}).items() if name in own_inputs},
        scores=[name for name in request.scores if name in own_outputs],
        tolerance=tolerance,
    )


def _asked(domain: Domain, reference: Reference, given: InputsLike, seed: int) -> Asked:
    accepts = _accepts(reference)
    if callable(given):
        random = np.random.default_rng(seed)
        arrays = _generated(given, random, domain)
    elif given is None:
        return _seeded(domain, reference, accepts)
    else:
        arrays = checked_inputs(read_arrays(Path(given)) if isinstance(given, str | Path) else given, domain.inputs)
    return given_sets(domain, arrays, accepts, rows=_affordable(domain, reference, arrays))


def _seeded(domain: Domain, reference: Reference, accepts: Accepts) -> Asked:
    few = seeded_sets(domain, accepts, rows=_TIMED_ROWS)
    if domain.batch is None:
        return few
    rows = _affordable(domain, reference, few.sets[0].values())
    return seeded_sets(domain, accepts, rows=rows)


def _affordable(domain: Domain, reference: Reference, arrays: Arrays) -> int:
    """Rows of the probes: fewer where one takes the float64 reference long."""
    if domain.batch is None or not arrays:
        return 1
    rows = min(_TIMED_ROWS, len(next(iter(arrays.values()))))
    began = time.perf_counter()
    reference.answers({name: values[:rows] for name, values in arrays.items()}, "float64")
    seconds = (time.perf_counter() - began) / max(rows, 1)
    return ROWS if seconds * ROWS <= _MOST_SECONDS else FEW_ROWS


def _generated(
    generate: Callable[[np.random.Generator], Mapping[str, Any]], random: np.random.Generator, domain: Domain
) -> Arrays:
    """Rows from a generator; it is called again until there are enough, as long as the other axes stay as they are."""
    try:
        arrays = checked_inputs(generate(random), domain.inputs)
        while domain.batch is not None and 0 < len(next(iter(arrays.values()))) < ROWS:
            more = checked_inputs(generate(random), domain.inputs)
            if any(more[name].shape[1:] != values.shape[1:] for name, values in arrays.items()):
                break
            arrays = {name: np.concatenate([values, more[name]]) for name, values in arrays.items()}
    except InputError:
        raise
    except Exception as error:  # a stranger's function raises errors of all kinds
        raise InputError(f"the generator of inputs raises {type(error).__name__}: {error}") from error
    return arrays


def _recorded_sets(domain: Domain, reference: Reference, inputs: InputsLike) -> Asked:
    if inputs is not None:
        raise InputError("recorded answers come with their own inputs; give either --inputs or a reference that runs")
    arrays = checked_inputs(getattr(reference, "inputs"), domain.inputs)  # noqa: B009 - of recorded answers alone
    probes = InputSet("probes", domain.name, arrays, batched=domain.batch is not None)
    left_out = f"{domain.name}, batches of several sizes and rows alone: recorded answers hold for their own batch."
    return Asked((probes,), ("The inputs are the recorded ones.",), (left_out,))


def _accepts(reference: Reference) -> Accepts:
    def accepts(arrays: Arrays) -> bool:
        try:
            reference.answers(arrays, "native")
        except InputError:
            return False
        return True

    return accepts


def _checked_scores(scores: Sequence[str], outputs: Sequence[TensorSpec]) -> frozenset[str]:
    floats = [spec.name for spec in outputs if spec.is_float and spec.shape]
    for name in scores:
        if name not in floats:
            raise InputError(f"scores names {name!r}; outputs that can be scores are {', '.join(floats) or 'none'}")
    return frozenset(scores)


def _checked_ranges(ranges: Ranges | None, inputs: Sequence[TensorSpec]) -> Ranges:
    known = {spec.name: spec for spec in inputs}
    for name, (low, high) in (ranges or {}).items():
        if name not in known:
            raise InputError(f"a range names {name!r}; the graph's inputs are {', '.join(known) or 'none'}")
        if not low < high:
            raise InputError(f"the range of {name!r} is {low:g}:{high:g}; give LOW:HIGH with LOW below HIGH")
        if not known[name].is_float and np.ceil(low) >= np.ceil(high):
            raise InputError(f"the range of {name!r} is {low:g}:{high:g}, which holds no {known[name].dtype}")
    return ranges or {}


def _label(model: onnx.ModelProto) -> str:
    """What a graph computes in, where it is not float32 or float64."""
    if any(node.op_type in _QUANTISED or node.op_type.endswith("Integer") for node in model.graph.node):
        return "int8"
    kinds = {tensor.data_type for tensor in model.graph.initializer}
    kinds |= {value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    for kind, label in ((onnx.TensorProto.FLOAT16, "fp16"), (onnx.TensorProto.BFLOAT16, "bf16")):
        if kind in kinds:
            return label
    return ""


def _links(
    requests: Mapping[str, GraphRequest], links: Mapping[str, str] | None
) -> dict[tuple[str, str], tuple[str, str]]:
    if links is None:
        return _links_by_name(requests)
    linked = {}
    for target, source in links.items():
        ends = []
        for end in (target, source):
            graph, _, tensor = end.partition(".")
            if graph not in requests or not tensor:
                raise InputError(f"a link names {end!r}; give GRAPH.TENSOR with one of {', '.join(requests)}")
            ends.append((graph, tensor))
        linked[ends[0]] = ends[1]
    return linked


def _links_by_name(requests: Mapping[str, GraphRequest]) -> dict[tuple[str, str], tuple[str, str]]:
    linked: dict[tuple[str, str], tuple[str, str]] = {}
    outputs: dict[str, str] = {}
    for graph, request in requests.items():
        inputs, own = specs_of(*read_graph(request.candidate)) if len(requests) > 1 else ((), ())
        linked |= {(graph, spec.name): (outputs[spec.name], spec.name) for spec in inputs if spec.name in outputs}
        outputs |= {spec.name: graph for spec in own}
    return linked


def _linked_inputs(
    graph: str, made: Mapping[str, _Made], links: Mapping[tuple[str, str], tuple[str, str]]
) -> Arrays | None:
    """Inputs of a graph as the references before it answer them; None where some come from elsewhere."""
    sources = {target[1]: source for target, source in links.items() if target[0] == graph}
    if not sources or any(source[0] not in made for source in sources.values()):
        return None
    answers = {
        name: made[name].graph.reference.answers(made[name].asked.sets[0].values(), "native")
        for name in {source[0] for source in sources.values()}
    }
    return {name: answers[source[0]][source[1]] for name, source in sources.items()}


def _chain(made: Mapping[str, _Made], links: Mapping[tuple[str, str], tuple[str, str]]) -> Chain | None:
    """The chain of all graphs, where every input of the later ones is linked."""
    graphs = tuple(made)
    later = [(graph, spec.name) for graph in graphs[1:] for spec in made[graph].graph.inputs]
    if len(graphs) < 2 or any(target not in links for target in later):
        return None
    return Chain(graphs, dict(links), tuple(spec.name for spec in made[graphs[-1]].graph.outputs))


def _chain_set(chain: Chain, made: Mapping[str, _Made]) -> InputSet:
    probes = made[chain.graphs[0]].asked.sets[0]
    rows = min(len(probes), 50)
    values = probes.rows(0, rows) if probes.batched else probes.values()
    return InputSet("probes", chain.name, values, batched=probes.batched)
