"""Make `golden.npz`, and from it the noise floor that sets how exactly others must answer."""

import copy
import dataclasses
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vaeport.bundle.golden import Arrays, Golden
from vaeport.bundle.manifest import Tolerance
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import GRAPHS, Shapes
from vaeport_parity.reference.plain_sums import PlainSums
from vaeport_train.networks.vae import ConditionalVAE

from ..modules.vae import graph_modules
from .probes import golden_inputs, probe_cuts, probe_inputs, probe_rows

TOLERANCE_FACTOR = 4.0
"""Bound for float32 in noise floors: another summation order is another sample of the same rounding noise, and its
distance from PyTorch can be the sum of both; a factor 4 leaves room for that and stays far below any real defect."""

_EPSILON = float(np.finfo(np.float32).eps)
_PLAIN_EVERY = 4
_CHUNK = {torch.float32: 1000, torch.float64: 16}  # float64 is as exact in any batch, and quickest in cache


def torch_answers(module: nn.Module, graph: str, inputs: dict[str, NDArray[np.float32]], dtype: torch.dtype) -> Arrays:
    """What PyTorch answers in one precision, by output name.

    Args:
        module: the graph's module in float32; it is copied where another precision is asked for.
        graph: name of the graph.
        inputs: float32 inputs by name; converted exactly.
        dtype: `torch.float32` or `torch.float64`.
    """
    spec = GRAPHS[graph]
    converted = module if dtype == torch.float32 else copy.deepcopy(module).to(dtype)
    parts: list[tuple[torch.Tensor, ...]] = []
    n = len(inputs[spec.inputs[0]])
    with torch.no_grad():
        for first in range(0, max(n, 1), _CHUNK[dtype]):
            rows = slice(first, first + _CHUNK[dtype])
            tensors = [torch.from_numpy(inputs[name][rows]).to(dtype) for name in spec.inputs]
            answer = converted(*tensors)
            parts.append(answer if isinstance(answer, tuple) else (answer,))
    return {name: torch.cat([part[i] for part in parts]).numpy() for i, name in enumerate(spec.outputs)}


def make_golden(
    network: ConditionalVAE, images: NDArray[np.uint8], labels: NDArray[np.int64], shapes: Shapes
) -> Golden:
    """Golden inputs with PyTorch's answers in float32 and float64. Arguments as of `golden_inputs`."""
    golden = golden_inputs(images, labels, shapes)
    answers = {
        graph: {
            "float32": torch_answers(module, graph, golden.inputs(graph), torch.float32),
            "float64": torch_answers(module, graph, golden.inputs(graph), torch.float64),
        }
        for graph, module in graph_modules(network).items()
    }
    return dataclasses.replace(golden, answers=answers)


def float32_tolerances(network: ConditionalVAE, golden: Golden, shapes: Shapes) -> dict[str, dict[str, Tolerance]]:
    """Tolerance of every output by graph: `TOLERANCE_FACTOR` noise floors.

    The floor is the largest distance of PyTorch float32 from float64 on the probes: in each batch size, and on some
    rows with every product summed term by term (`PlainSums`), as other runtimes may do it. It is at least one rounding
    step of the largest answer, so that an output that happens to be exact does not ask for exactness of others.
    """
    probes = probe_inputs(golden, shapes, rows=probe_rows(network))
    tolerances: dict[str, dict[str, Tolerance]] = {}
    for graph, module in graph_modules(network).items():
        inputs = probes[graph]
        exact = torch_answers(module, graph, inputs, torch.float64)
        floors = {name: _EPSILON * float(np.max(np.abs(values))) for name, values in exact.items()}
        n = len(next(iter(inputs.values())))
        for rows, plainly in [*((rows, False) for rows in probe_cuts(n)), (slice(0, n, _PLAIN_EVERY), True)]:
            cut = {key: array[rows] for key, array in inputs.items()}
            with PlainSums() if plainly else nullcontext():
                rounded = torch_answers(module, graph, cut, torch.float32)
            for name, values in exact.items():
                floors[name] = max(floors[name], max_abs_error(rounded[name], values[rows]))
        tolerances[graph] = {name: Tolerance(TOLERANCE_FACTOR * floor, floor) for name, floor in floors.items()}
    return tolerances
