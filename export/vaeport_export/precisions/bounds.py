"""How exactly a lower precision must answer elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import GRAPHS, TOLERANCE_FACTOR, Shapes, Tolerance
from vaeport_parity.reference.base import chunked_answers

from ..bundle.original import Original
from ..bundle.probes import Inputs, probe_inputs, probe_rows, random_rows
from ..graph.running import evaluator_answers, onnxruntime_answers

_EVALUATED = 8  # one row in so many: numpy computes in float16 hundreds of times slower than in float32
_NUDGE = 2.0**-22


def lower_tolerances(
    original: Original, graphs: Mapping[str, bytes], golden: Golden, shapes: Shapes
) -> dict[str, dict[str, Tolerance]]:
    """Tolerance of every output by graph: 4 times what faithful ways to run the same graph differ by on the probes.

    A value that rounds the other way is a whole step off, and sets off others. What such roundings do is measured on
    onnxruntime without its rewriting, against onnxruntime with it; against itself on inputs that are a few float32
    steps off; and on some rows against onnx's ReferenceEvaluator, which rounds to float16 after each operator.

    Args:
        original: the networks that the graphs are of.
        graphs: ONNX files by graph.
        golden: golden inputs.
        shapes: sizes of the tensors.
    """
    probes = probe_inputs(golden, shapes, rows=probe_rows(convolutional=original.convolutional))
    return {graph: _tolerances(content, graph, probes[graph]) for graph, content in graphs.items()}


def _tolerances(content: bytes, graph: str, inputs: Inputs) -> dict[str, Tolerance]:
    plain = onnxruntime_answers(content, graph, inputs, optimised=False)
    some = {name: values[::_EVALUATED] for name, values in inputs.items()}
    others = (
        (onnxruntime_answers(content, graph, inputs), 1),
        (onnxruntime_answers(content, graph, nudged(inputs), optimised=False), 1),
        (evaluator_answers(content, graph, some), _EVALUATED),
    )
    tolerances = {}
    for name in GRAPHS[graph].outputs:
        step = float(np.finfo(np.float32).eps) * float(np.max(np.abs(plain[name])))
        floor = max(step, *(max_abs_error(answers[name], plain[name][::every]) for answers, every in others))
        tolerances[name] = Tolerance(TOLERANCE_FACTOR * floor, floor)
    return tolerances


def nudged(inputs: Inputs) -> Inputs:
    """The same inputs up to a few float32 steps off, up or down."""
    moved = {}
    for name, values in inputs.items():
        signs = np.where(random_rows(len(values), values[0].size) < 0.5, -1, 1).reshape(values.shape)
        moved[name] = (values * (1 + _NUDGE * signs)).astype(np.float32)
    return moved


def quick_noise(
    original: Original, content: bytes, graph: str, inputs: Inputs, plain: Mapping[str, NDArray[Any]]
) -> Iterator[dict[str, float]]:
    """Noise of a graph's outputs by the ways that take no evaluator, and what its precision costs, the cheapest first.

    What the precision costs is at least the noise of any faithful run: a stated floor is checked against the largest.

    Args:
        original: the networks that the graphs are of.
        content: the ONNX file.
        graph: name of the graph.
        inputs: what it is run on.
        plain: what onnxruntime without its rewriting answers.
    """

    def apart(answers: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        return {name: max_abs_error(answers[name], plain[name]) for name in plain}

    yield apart(onnxruntime_answers(content, graph, inputs))
    yield apart(onnxruntime_answers(content, graph, nudged(inputs), optimised=False))
    if not is_quantised(content):  # rounding to steps costs far more than its noise
        yield apart(chunked_answers(original.reference(graph), dict(inputs), "native"))


def is_quantised(content: bytes) -> bool:
    """Whether a graph rounds to integers while it runs."""
    return any(node.op_type == "QuantizeLinear" for node in onnx.load_model_from_string(content).graph.node)
