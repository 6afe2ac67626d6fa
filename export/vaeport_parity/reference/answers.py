"""What a graph's bytes answer, in onnxruntime and by the standard's own evaluator."""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from vaeport.contract import GRAPHS
from vaeport.sessions.session import import_onnxruntime
from vaeport_export.bundle.probes import Inputs

from .evaluator import evaluable, reference_arithmetic

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
        inputs: float32 [N, ...] by input name.
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


def reference_answers(content: bytes, graph: str, inputs: Inputs) -> Answers:
    """Answers of onnx's ReferenceEvaluator, which rounds after every operator."""
    evaluator = ReferenceEvaluator(evaluable(onnx.load_model_from_string(content)))
    with reference_arithmetic():
        found = evaluator.run(list(GRAPHS[graph].outputs), dict(inputs))
    return {name: np.asarray(values) for name, values in zip(GRAPHS[graph].outputs, found, strict=True)}
