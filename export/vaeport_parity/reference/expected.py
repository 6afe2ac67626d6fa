"""What a graph must answer: as PyTorch does; below float32, as the graph itself does in onnxruntime, not rewritten."""

import numpy as np
import torch
from numpy.typing import NDArray

from vaeport.contract import FP32
from vaeport.errors import BundleError
from vaeport.sessions.session import first_line
from vaeport_export.bundle.original import torch_answers
from vaeport_export.bundle.probes import Inputs
from vaeport_export.bundle.subject import Subject

from .answers import onnxruntime_answers

Expected = dict[str, dict[str, NDArray[np.floating]]]
"""Answers by `float32` or `float64`, then output; below float32 both are the same."""


def expected_answers(subject: Subject, graph: str, inputs: Inputs) -> Expected:
    """The answers that a backend is compared with.

    Args:
        subject: the bundle with its checkpoint.
        graph: name of the graph.
        inputs: float32 [N, ...] by input name.

    Raises:
        BundleError: onnxruntime, on which a precision below float32 is measured, cannot run its graph.
    """
    if subject.precision == FP32:
        module = subject.module(graph)
        return {name: torch_answers(module, graph, inputs, getattr(torch, name)) for name in ("float32", "float64")}
    try:
        answers = onnxruntime_answers(subject.onnx(graph), graph, inputs, optimised=False)
    except Exception as error:  # onnxruntime's own errors share no base
        said = first_line(error)
        raise BundleError(
            f"{subject.bundle.path}: nothing to compare with, onnxruntime cannot run {subject.file(graph)}: {said}"
        ) from error
    plain: dict[str, NDArray[np.floating]] = {**answers}
    return {"float32": plain, "float64": plain}
