"""What a graph of the contract answers: in onnxruntime, and by the standard's own evaluator."""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray

from vaeport.contract import GRAPHS
from vaeport.sessions.session import import_onnxruntime
from vaeport_parity.reference.evaluator import float64_evaluator, native_evaluator, reference_arithmetic

Answers = dict[str, NDArray[np.float32]]
"""By output name."""

_ROWS = 250


def onnxruntime_answers(
    content: bytes, graph: str, inputs: Mapping[str, NDArray[np.float32]], *, optimised: bool = True
) -> Answers:
    """Answers of onnxruntime on the CPU, in batches.

    Args:
        content: an ONNX file.
        graph: name of the graph.
        inputs: float32 [N, ...] by input name, N at least 1.
        optimised: whether onnxruntime may rewrite the graph.
    """
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    outputs = GRAPHS[graph].outputs
    n = len(next(iter(inputs.values())))
    parts = [session.run(outputs, {k: v[i : i + _ROWS] for k, v in inputs.items()}) for i in range(0, n, _ROWS)]
    return {name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(outputs)}


def evaluator_answers(
    content: bytes, graph: str, inputs: Mapping[str, NDArray[np.floating]], *, double: bool = False
) -> dict[str, NDArray[np.floating]]:
    """Answers of onnx's ReferenceEvaluator, which rounds after every operator.

    Args:
        content: an ONNX file.
        graph: name of the graph.
        inputs: float [N, ...] by input name, in float64 where everything is computed so.
        double: whether every float of the graph is widened to float64.

    Raises:
        InputError: an operator cannot be evaluated.
    """
    model = onnx.load_model_from_string(content)
    evaluator = float64_evaluator(model) if double else native_evaluator(model)
    outputs = GRAPHS[graph].outputs
    with reference_arithmetic():
        values = evaluator.run(list(outputs), dict(inputs))
    return {name: np.asarray(value) for name, value in zip(outputs, values, strict=True)}
