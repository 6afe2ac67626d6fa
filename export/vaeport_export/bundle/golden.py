"""Make `golden.npz`, and from it the noise floor that sets how exactly others must answer."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import GRAPHS, TOLERANCE_FACTOR, Shapes, Tolerance
from vaeport_parity.reference.base import chunked_answers
from vaeport_parity.subjects.tensors import Arrays

from .original import Original
from .probes import golden_inputs, probe_cuts, probe_inputs, probe_rows

_EPSILON = float(np.finfo(np.float32).eps)
_PLAIN_EVERY = 4


def make_golden(original: Original, images: NDArray[np.uint8], labels: NDArray[np.int64], shapes: Shapes) -> Golden:
    """Golden inputs with the original's answers in float32 and float64. Other arguments as of `golden_inputs`."""
    golden = golden_inputs(images, labels, shapes)
    answers = {}
    for graph in GRAPHS:
        reference, inputs = original.reference(graph), dict(golden.inputs(graph))
        answers[graph] = {
            "float32": chunked_answers(reference, inputs, "native"),
            "float64": chunked_answers(reference, inputs, "float64"),
        }
    return dataclasses.replace(golden, answers=answers)


def float32_tolerances(original: Original, golden: Golden, shapes: Shapes) -> dict[str, dict[str, Tolerance]]:
    """Tolerance of every output by graph: `TOLERANCE_FACTOR` noise floors.

    The floor is the largest distance of the original in float32 from float64 on the probes: in each batch size, and on
    some rows with every product summed term by term , as other runtimes may do it. It is at least one
    rounding step of the largest answer: an output that happens to be exact does not ask for exactness of others.
    """
    probes = probe_inputs(golden, shapes, rows=probe_rows(convolutional=original.convolutional))
    tolerances: dict[str, dict[str, Tolerance]] = {}
    for graph in GRAPHS:
        reference, inputs = original.reference(graph), probes[graph]
        exact = chunked_answers(reference, dict(inputs), "float64")
        floors = {name: _EPSILON * float(np.max(np.abs(values))) for name, values in exact.items()}
        n = len(next(iter(inputs.values())))
        cuts = [(rows, False) for rows in probe_cuts(n) if rows.stop > rows.start]
        for rows, plain in [*cuts, (slice(0, n, _PLAIN_EVERY), True)]:
            cut: Arrays = {key: array[rows] for key, array in inputs.items()}
            rounded = chunked_answers(reference, cut, "native", plain=plain)
            for name, values in exact.items():
                floors[name] = max(floors[name], max_abs_error(rounded[name], values[rows]))
        tolerances[graph] = {name: Tolerance(TOLERANCE_FACTOR * floor, floor) for name, floor in floors.items()}
    return tolerances
