"""How exactly a lower precision must answer elsewhere."""

from collections.abc import Mapping

import torch

from vaeport.comparison import max_abs_error
from vaeport.contract import GRAPHS
from vaeport.golden import Golden
from vaeport.manifest import Tolerance
from vaeport_train.checkpoint import Checkpoint

from ..golden import torch_answers
from ..graphs import graph_modules
from ..probes import probe_inputs, probe_rows
from .answers import onnxruntime_answers, reference_answers

LOWER_TOLERANCE_FACTOR = 2.0
"""Bound for a lower precision in its own errors. They are a property of the file, equal wherever it is run faithfully;
only roundings that fall the other way, and what they set off, differ between runtimes."""

_EVALUATED = 8  # one row in so many: numpy computes in float16 hundreds of times slower than in float32


def lower_tolerances(
    checkpoint: Checkpoint, graphs: Mapping[str, bytes], golden: Golden
) -> dict[str, dict[str, Tolerance]]:
    """Tolerance of every output by graph: `LOWER_TOLERANCE_FACTOR` times the precision's own error.

    The error is the largest distance from PyTorch float64 on the probes, of onnxruntime with and without its rewriting
    of graphs; and on some rows of onnx's ReferenceEvaluator, where it knows the operators: it rounds to the precision
    after each, as hardware does that computes in it.
    """
    shapes, network = checkpoint.record.shapes, checkpoint.network
    probes = probe_inputs(golden, shapes, rows=probe_rows(network))
    tolerances: dict[str, dict[str, Tolerance]] = {}
    for graph, module in graph_modules(network).items():
        inputs = probes[graph]
        exact = torch_answers(module, graph, inputs, torch.float64)
        found = [
            onnxruntime_answers(graphs[graph], graph, inputs),
            onnxruntime_answers(graphs[graph], graph, inputs, optimised=False),
        ]
        errors = {name: max(max_abs_error(each[name], exact[name]) for each in found) for name in GRAPHS[graph].outputs}
        if evaluated := reference_answers(graphs[graph], graph, {name: v[::_EVALUATED] for name, v in inputs.items()}):
            for name, values in evaluated.items():
                errors[name] = max(errors[name], max_abs_error(values, exact[name][::_EVALUATED]))
        tolerances[graph] = {name: Tolerance(LOWER_TOLERANCE_FACTOR * error, error) for name, error in errors.items()}
    return tolerances
