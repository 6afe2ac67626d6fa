"""One node in the hand of its shape function, for tests that hold its answer, its cost and its refusals."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from vaeport.graph.reading import read_model
from vaeport.graph.shapes.call import Call, Known
from vaeport.graph.shapes.table import OPERATORS

FLOAT, INT64, INT32, INT8, UINT8 = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.INT32,
    TensorProto.INT8,
    TensorProto.UINT8,
)

Given = tuple[int, ...] | Known | NDArray[Any] | None
"""A shape of floats, what is known, values of a constant, or no such input."""


def unknown(dtype: int, *shape: int) -> Known:
    return Known(dtype, shape)


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def called(operator: str, given: tuple[Given, ...], attributes: dict[str, Any]) -> tuple[Call, list[Known | None]]:
    """The node after its shape function, and what that answered; `opset` and `outputs` stand beside attributes."""
    options = dict(attributes)
    opset, outputs = options.pop("opset", 18), options.pop("outputs", 1)
    names = ["" if each is None else f"x{index}" for index, each in enumerate(given)]
    results = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(operator, names, results, "n", **options)
    infos = [helper.make_tensor_value_info(name, FLOAT, None) for name in names if name]
    model = helper.make_model(
        helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name=name) for name in results]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    call = Call(read_model(model.SerializeToString()).graph.nodes[0], [known(each) for each in given], opset)
    answer = OPERATORS[operator].shapes(call)
    return call, answer if isinstance(answer, list) else [answer]


def known(given: Given) -> Known | None:
    if isinstance(given, np.ndarray):
        kind = helper.np_dtype_to_tensor_dtype(given.dtype)
        return Known(kind, given.shape, value=given, constant=True)
    return Known(FLOAT, given) if isinstance(given, tuple) else given
