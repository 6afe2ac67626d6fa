"""The abstract run against the test cases of the ONNX standard: recorded outputs have the shapes that it predicts."""

import collections
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.backend.test.case.node import collect_testcases

from vaeport.errors import BundleError
from vaeport.graph.limits import MAX_KNOWN_VALUES
from vaeport.graph.reading import read_model
from vaeport.graph.shapes.call import Known
from vaeport.graph.shapes.run import Plan
from vaeport.graph.shapes.table import OPERATORS

FEWEST = 1_440
"""Cases that pass with onnx 1.23; fewer of them would mean that the test looks away."""

REFUSED = {
    "is in training mode": 8,  # batch normalisation and dropout that would learn, or answer at random
    "float4e2m1, which is not allowed": 2,  # no runtime on a CPU has it
    "int2, which is not allowed": 4,  # nor these two
    "to [2, 0, 1], which is empty": 1,  # onnxruntime answers another shape than the standard says
    "takes its bounds from input": 1,  # a Range of bfloat16, which numpy does not have
    "counts in float16": 1,  # nor has onnxruntime this one
}
"""What is refused of operators on the list, and how often: nothing else may be."""


def test_shapes_types_and_values_are_the_recorded_ones() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx's own cases divide by zero on purpose
        cases = collect_testcases(None)
    passed, refused = 0, collections.Counter[str]()
    for case in cases:
        assert case.model is not None
        if any(node.domain or node.op_type not in OPERATORS for node in case.model.graph.node):
            continue
        for inputs, outputs in case.data_sets or ():
            try:
                differences = compare(case.model, inputs, outputs)
            except BundleError as error:
                reason = next((reason for reason in REFUSED if reason in str(error)), f"{case.name}: {error}")
                refused[reason] += 1
            else:
                assert not differences, f"{case.name}: {differences}"
                passed += 1
    assert dict(refused) == REFUSED
    assert passed >= FEWEST


def compare(model: onnx.ModelProto, inputs: Sequence[Any], outputs: Sequence[Any]) -> list[str]:
    """How the abstract run differs from what is recorded."""
    file = read_model(model.SerializeToString())
    plan = Plan(file.graph, opset=file.opsets[0][1])
    known = {}
    for value, given in zip(file.graph.inputs, map(array_of, inputs), strict=True):
        few = given.size <= MAX_KNOWN_VALUES and given.dtype.kind in "iufb"
        known[value.name] = Known(value.dtype, given.shape, value=given if few else None)
    found = plan.run_known(known, 1).tensors
    differences = []
    for output, expected in zip(file.graph.outputs, map(array_of, outputs), strict=True):
        answer = found[output.name]
        if (answer.shape, answer.dtype) != (expected.shape, output.dtype):
            differences.append(f"{output.name} is {answer.shape} of {answer.dtype}, not {expected.shape}")
        if answer.value is not None and expected.dtype.kind in "iub" and not np.array_equal(answer.value, expected):
            differences.append(f"{output.name} has other values")
    return differences


def array_of(given: Any) -> NDArray[Any]:
    """An array; of a type that numpy does not have, one of the same shape."""
    if isinstance(given, onnx.TensorProto):
        return np.zeros(tuple(given.dims), np.complex64)
    return np.asarray(given)


def test_list_has_no_operator_that_onnx_lacks() -> None:
    schemas = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    assert set(OPERATORS) <= schemas


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_numbers_of_inputs_and_outputs_are_onnxs(operator: str) -> None:
    schemas = [s for s in onnx.defs.get_all_schemas_with_history() if s.name == operator and not s.domain]
    schemas = [schema for schema in schemas if schema.since_version <= 24]
    ours = OPERATORS[operator]
    assert ours.least >= min(schema.min_input for schema in schemas)
    assert ours.most <= max(schema.max_input for schema in schemas)
    assert ours.outputs <= max(schema.max_output for schema in schemas)
