"""Strangers' networks hold operators on the runtime's list, and their shapes are predicted; control flow is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.foreign.catalogue import HANDMADE, MODULES, Network
from vaeport.errors import BundleError
from vaeport.graph.reading import read_model
from vaeport.graph.shapes.call import Known
from vaeport.graph.shapes.run import Outcome, Plan

CONTROL_FLOW = {"branching", "branching-quiet"}
"""Networks whose graph has an If."""


def followed(content: bytes, shapes: dict[str, tuple[int, ...]]) -> Outcome:
    """Go through an ONNX file with inputs of these shapes and the types that it says."""
    model = read_model(content)
    plan = Plan(model.graph, opset=dict(model.opsets)[""])
    return plan.run_known({value.name: Known(value.dtype, shapes[value.name]) for value in model.graph.inputs}, 1)


@pytest.mark.parametrize("network", MODULES, ids=lambda network: network.name)
def test_shapes_of_a_strangers_network_are_predicted(network: Network, written: Callable[[Network], Path]) -> None:
    content, inputs = written(network).read_bytes(), network.make_inputs()
    shapes = {name: array.shape for name, array in inputs.items()}
    if network.name in CONTROL_FLOW:
        with pytest.raises(BundleError, match=r"\(If\) has an operator that is not allowed"):
            followed(content, shapes)
        return
    outcome = followed(content, shapes)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    outputs = session.get_outputs()
    if any(str(array.dtype) == "bfloat16" for array in inputs.values()):
        pytest.skip("onnxruntime takes no bfloat16 from numpy")
    for output, answer in zip(outputs, session.run(None, inputs), strict=True):
        assert outcome.tensors[output.name].shape == answer.shape


@pytest.mark.parametrize("kind", HANDMADE)
def test_control_flow_and_functions_are_refused(kind: str, tmp_path: Path) -> None:
    HANDMADE[kind].write(tmp_path / "graph.onnx")
    shapes = {name: np.shape(array) for name, array in HANDMADE[kind].make_inputs().items()}
    with pytest.raises(BundleError, match="has an operator that is not allowed"):
        followed((tmp_path / "graph.onnx").read_bytes(), shapes)
